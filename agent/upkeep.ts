/**
 * What this host has of the network, kept as it is to be: files, kernel, rules.
 *
 *   find this host ─▶ publish ─▶ plan ─▶ node.json ─▶ kernel ─▶ rules ─▶ peers.json ─▶ subnet.env
 */

import type { Cidr } from "../lib/ip/cidr.ts";
import type { NetworkConfig } from "../lib/store/network.ts";
import type { Hints, OwnHost } from "../lib/store/store.ts";
import type { DataPath } from "./data-path.ts";
import { packHost } from "./host-text.ts";
import type { Members } from "./members.ts";
import { PeersFile } from "./peers-file.ts";
import { areWithin, nodeOf, type Plan, subnetsOf, withSubnets } from "./plan.ts";
import { formatSubnetEnv, subnetsIn } from "./subnet-env.ts";
import type { World } from "./world.ts";

/**
 * How long others may send by the former backend after a change of it, in milliseconds: until they
 * have heard of it, what they send to is kept.
 */
const HOLD = 10_000;

/** What the store has told. */
export interface Told {
  readonly network: { readonly config: NetworkConfig; readonly hints: Hints } | undefined;
  /** This host's subnets; none before it has joined. */
  readonly subnets: readonly Cidr[];
  /** The other hosts; undefined before they are known. */
  readonly members: Members | undefined;
  /** True if it has just told something: what is changed then is no repair. */
  readonly isNews: boolean;
}

/** Keeps this host's part right. */
export class Upkeep {
  readonly peersFile: PeersFile;
  readonly #world: World;
  #plan: Plan | undefined;
  #path: DataPath | undefined;
  #members: Members | undefined;
  #published = "";
  /** How much was made again that others had changed. */
  #repairs = 0;
  #isNews = true;
  /** False until what other plans left has been taken away; those that are known. */
  #isAlone = false;
  #former: readonly Plan[] = [];
  /** When that is done. */
  #heldUntil = 0;
  #isReady = false;
  /** True if an agent before has left files that say who the others are. */
  #isResumed = false;
  #limits: readonly string[] = [];

  constructor(world: World) {
    this.#world = world;
    this.peersFile = new PeersFile(world.clock, () => this.#writePeers());
  }

  /** The way to the other hosts; undefined before it is known. */
  get path(): DataPath | undefined {
    return this.#path;
  }

  /** True once subnet.env is there and all that it leads to. */
  get isReady(): boolean {
    return this.#isReady;
  }

  get repairs(): number {
    return this.#repairs;
  }

  /** What keeps hosts from being reached, besides those that are left out of the members. */
  get limits(): readonly string[] {
    return this.#limits;
  }

  /** Takes up what an agent has left; its subnets, or none if there is nothing that can be used. */
  resume(): readonly Cidr[] {
    const saved = this.#world.files.readSaved();
    if (!saved) return [];
    const plan = this.#world.host.resumed(saved);
    this.#path = this.#pathOf(plan);
    this.#plan = plan;
    this.#isResumed = true;
    return subnetsOf(plan).subnets;
  }

  /** Makes all right, as far as the store has told; throws if something keeps it from that. */
  makeRight(told: Told): void {
    this.#members = told.members;
    this.#isNews = told.isNews;
    try {
      this.#findPlace(told);
    } catch (cause) {
      this.#keepAnyway();
      throw cause;
    }
    this.#keep();
  }

  /** As much as can be: the reason why this host has no place says it all. */
  #keepAnyway(): void {
    try {
      this.#keep();
    } catch {
      // It is tried again together with the rest.
    }
  }

  seemsRight(): boolean {
    if (!this.#plan || !this.#path) return true;
    if (this.#isReady && this.#isFormerToGo) return false;
    return this.#path.seemsRight() && this.#world.host.hasRules(this.#plan);
  }

  /** Tells the store what this host is, and makes another plan if it is another one. */
  #findPlace({ network, subnets }: Told): void {
    if (!network) return;
    const found = this.#world.host.find(network.config, network.hints);
    this.#publish(found.own);
    if (subnets.length === 0 || !areWithin(subnets, network.config)) return;
    const plan = withSubnets(found.plan, subnets);
    if (this.#plan && JSON.stringify(plan) === JSON.stringify(this.#plan)) return;
    if (this.#plan) this.#succeed(this.#plan, plan);
    this.#path = this.#pathOf(plan);
    this.#plan = plan;
    this.#isAlone = false;
    this.#members?.compareAgain();
    this.peersFile.changed();
  }

  #succeed(former: Plan, plan: Plan): void {
    this.#former = [...this.#former, former];
    if (former.backend !== plan.backend) this.#heldUntil = this.#world.clock.now() + HOLD;
  }

  get #isFormerToGo(): boolean {
    return !this.#isAlone && this.#world.clock.now() >= this.#heldUntil;
  }

  #pathOf(plan: Plan): DataPath {
    return this.#world.host.pathOf(plan, (what) => this.#told(what));
  }

  #told(what: string): void {
    if (!this.#isNews) this.#repairs++;
    this.#world.tell("changed", what);
  }

  #publish(own: Omit<OwnHost, "formerSubnets">): void {
    const text = `${own.vni} ${packHost({ ...own, subnets: [] })}`;
    if (text === this.#published) return;
    this.#published = text;
    const formerSubnets = this.#plan
      ? subnetsOf(this.#plan).subnets
      : subnetsIn(this.#world.files.readSubnetEnv());
    this.#world.store.publish({ ...own, formerSubnets });
  }

  /**
   * By the plan there is: what the store does not tell keeps nothing from being repaired. Before
   * the others are known nothing is made: it would shut out those whom flanneld has let in.
   */
  #keep(): void {
    const [{ files, host, isMasqueraded }, plan, path] = [this.#world, this.#plan, this.#path];
    if (!plan || !path) return;
    files.ensureNode(nodeOf(plan));
    if (!this.#members && !this.#isResumed) return;
    const { mtu, limits } = path.makeRight(this.#members);
    this.#limits = [...limits, ...host.ensureRules(plan, (what) => this.#told(what))];
    for (const former of this.#former) host.removeFormerNetwork(plan, former);
    this.#former = [];
    if (this.#isFormerToGo) {
      host.removeFormer(plan);
      this.#isAlone = true;
    }
    const env = formatSubnetEnv({ ...subnetsOf(plan), mtu, isMasqueraded });
    files.save(plan, env);
    if (this.#members && !files.hasPeers()) this.peersFile.changed();
    if (!this.#isReady) this.peersFile.flush();
    files.ensureSubnetEnv(env);
    this.#isReady = true;
  }

  #writePeers(): boolean {
    return this.#members !== undefined && this.#path?.writePeers(this.#members) === true;
  }
}
