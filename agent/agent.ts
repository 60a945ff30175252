/**
 * The life of the agent: what the store tells becomes files and kernel, and stays so.
 *
 *   store: network, subnets, all hosts ──┐
 *   kernel, files: something changed ────┼──▶ all is compared and made right (upkeep.ts)
 *   every minute, or after a failure ────┘
 *   store: one host ─────────────────────────▶ its entries only; peers.json a little later
 *
 * Nothing is ever taken away since the store does not answer.
 */

import { CniError } from "../lib/cni/error.ts";
import { wallTime } from "../lib/host/clock.ts";
import { formatAddress } from "../lib/ip/address.ts";
import { type Cidr, formatCidr } from "../lib/ip/cidr.ts";
import { Keeper } from "../lib/overlay/keeper.ts";
import type { NetworkConfig } from "../lib/store/network.ts";
import type { Hints, Keyed, StoreEvents, StoreHost } from "../lib/store/store.ts";
import type { DataPath } from "./data-path.ts";
import { Members } from "./members.ts";
import { type Told, Upkeep } from "./upkeep.ts";
import type { World } from "./world.ts";

/** How the agent is. */
export interface State {
  readonly isReady: boolean;
  readonly problem: string | undefined;
  readonly limits: readonly string[];
  readonly storeProblem: string | undefined;
  /** When the store last told something, in milliseconds since 1970. */
  readonly lastSync: number | undefined;
  /** How often all was compared, and what was made again that others had changed. */
  readonly comparisons: number;
  readonly repairs: number;
}

/** Makes files and kernel equal to what a store tells. */
export class Agent implements StoreEvents {
  readonly members = new Members();
  readonly #world: World;
  readonly #upkeep: Upkeep;
  readonly #keeper: Keeper;
  #network: { readonly config: NetworkConfig; readonly hints: Hints } | undefined;
  #subnets: readonly Cidr[] = [];
  #areHostsKnown = false;
  #problem: string | undefined;
  #storeProblem: string | undefined;
  #limits: ReadonlySet<string> = new Set();
  /** By the clock's now(). */
  #lastSync: number | undefined;
  #comparisons = 0;
  /** True if the store has told something that no pass has heeded yet. */
  #isNews = false;

  constructor(world: World) {
    this.#world = world;
    this.#upkeep = new Upkeep(world);
    this.#keeper = new Keeper(world.clock, {
      makeRight: () => this.#makeRight(),
      seemsRight: () => this.#seemsRight(),
    });
  }

  /** The way to the other hosts; undefined before it is known. */
  get path(): DataPath | undefined {
    return this.#upkeep.path;
  }

  get state(): State {
    return {
      isReady: this.#upkeep.isReady && this.#problem === undefined,
      problem: this.#problem,
      limits: [...this.#limits],
      storeProblem: this.#storeProblem,
      lastSync: wallTime(this.#world.clock, this.#lastSync),
      comparisons: this.#comparisons,
      repairs: this.#upkeep.repairs,
    };
  }

  /** What was right before is made right again; then the store is asked. */
  start(): void {
    try {
      this.#subnets = this.#upkeep.resume();
    } catch (cause) {
      this.#world.tell("problem", CniError.from(cause).message);
    }
    this.#keeper.act();
    this.#world.store.start(this);
  }

  /** Called after each turn of the loop: what came in one turn is sent at once. */
  turn(): void {
    if (!this.members.hasChanges) return;
    try {
      const changes = this.members.takeChanges();
      if (!changes || !this.path?.change(changes)) this.#compareSoon();
      this.#tellOfLimits();
    } catch (cause) {
      this.#world.tell("problem", CniError.from(cause).message);
      this.#compareSoon();
    }
  }

  /** Kernel or files have changed otherwise than by this agent. */
  changed(): void {
    this.#keeper.changed();
  }

  /** Ends; what is written and programmed stays. */
  stop(): void {
    this.turn();
    this.#keeper.end();
    this.#world.store.stop();
    this.#upkeep.peersFile.flush();
  }

  /* ---- what the store tells ---- */

  onNetwork(config: NetworkConfig, hints: Hints): void {
    this.#network = { config, hints };
    for (const note of config.notes) this.#world.tell("note", note);
    this.#actOnNews();
  }

  onJoined(subnets: readonly Cidr[]): void {
    this.#tellOfSubnets(subnets);
    this.#subnets = subnets;
    this.#actOnNews();
  }

  onLost(reason: string): void {
    this.#world.tell("lost", reason);
  }

  onHosts(hosts: Iterable<Keyed>): void {
    this.members.replaceAll(hosts);
    this.#areHostsKnown = true;
    this.#upkeep.peersFile.changed();
    this.#actOnNews();
  }

  onHost(key: string, host: StoreHost | undefined): void {
    this.#heard();
    if (!this.members.change(key, host)) return;
    this.#upkeep.peersFile.changed();
    this.#world.tell("host", `"${key}" ${host ? `is at ${placeOf(host)}` : "is gone"}`);
  }

  onProblem(problem: string | undefined): void {
    const before = this.#storeProblem;
    this.#storeProblem = problem;
    if (problem === undefined) this.#heard();
    if (problem === before) return;
    if (problem !== undefined) this.#world.tell("store", problem);
    else this.#world.tell("recovered", before ?? "");
  }

  onNote(event: string, sentence: string): void {
    this.#world.tell(event, sentence);
  }

  #actOnNews(): void {
    this.#heard();
    this.#isNews = true;
    this.#keeper.act();
  }

  #heard(): void {
    this.#lastSync = this.#world.clock.now();
  }

  #tellOfSubnets(subnets: readonly Cidr[]): void {
    const [before, now] = [this.#subnets, subnets].map((all) => all.map(formatCidr).join(", "));
    if (before === now) return;
    const { tell } = this.#world;
    if (before === "") tell("joined", `this host has ${now}`);
    else {
      const advice = "containers that have addresses of the former have to be made anew";
      tell("joined", `this host has ${now}, no longer ${before}: ${advice}`);
    }
  }

  /* ---- making it right ---- */

  #compareSoon(): void {
    this.#isNews = true;
    this.members.compareAgain();
    this.#keeper.changed();
  }

  #makeRight(): boolean {
    const { tell } = this.#world;
    this.#comparisons++;
    const told = this.#told;
    this.#isNews = false;
    try {
      this.#upkeep.makeRight(told);
      if (this.#problem !== undefined) tell("recovered", this.#problem);
      this.#problem = undefined;
    } catch (cause) {
      const problem = CniError.from(cause).message;
      if (problem !== this.#problem) tell("problem", problem);
      this.#problem = problem;
    }
    this.#tellOfLimits();
    return this.#problem === undefined;
  }

  get #told(): Told {
    return {
      network: this.#network,
      subnets: this.#subnets,
      members: this.#areHostsKnown ? this.members : undefined,
      isNews: this.#isNews,
    };
  }

  /** A question that fails is no answer: whoever makes it right says why. */
  #seemsRight(): boolean {
    try {
      return this.#upkeep.seemsRight();
    } catch {
      return false;
    }
  }

  /** Each is named when it comes and when it goes. */
  #tellOfLimits(): void {
    const now = new Set([...this.#upkeep.limits, ...this.members.leftOut]);
    for (const limit of now) if (!this.#limits.has(limit)) this.#world.tell("limited", limit);
    for (const limit of this.#limits) if (!now.has(limit)) this.#world.tell("recovered", limit);
    this.#limits = now;
  }
}

/** A host's addresses, in words. */
function placeOf({ publicIP, publicIPv6 }: StoreHost): string {
  const addresses = [publicIP, publicIPv6].flatMap((each) => (each ? [formatAddress(each)] : []));
  return addresses.length === 0 ? "no address" : addresses.join(", ");
}
