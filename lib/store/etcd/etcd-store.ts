/** The hosts of a network, as etcd v3 keeps them in flannel's format. */

import { type Cancel, wallTime } from "../../host/clock.ts";
import { equalAddresses, formatAddress } from "../../ip/address.ts";
import { BackOff } from "../back-off.ts";
import { type NetworkConfig, parseNetworkConfig } from "../network.ts";
import { NetworkConfigError } from "../settings.ts";
import type { Keyed, OwnHost, Store, StoreEvents, StoreHost } from "../store.ts";
import { EtcdFailure } from "./failure.ts";
import { Gateway } from "./gateway.ts";
import { parseName } from "./keys.ts";
import { FOREVER } from "./lease.ts";
import type { Listing } from "./listing.ts";
import { Membership } from "./membership.ts";
import { encoded, type KeyValue, keyValuesOf } from "./messages.ts";
import { type EtcdMeans, type EtcdSettings, noCounts } from "./settings.ts";
import { Tracker } from "./tracker.ts";
import { parseValue } from "./value.ts";

/** How often a configuration is read that this host cannot do anything with yet. */
const REREAD = 10_000;
/** So many keys are remembered to have been spoken of. */
const MOST_IGNORED = 1_000;

export class EtcdStore implements Store {
  readonly counts = noCounts();
  readonly #means: EtcdMeans;
  readonly #gateway: Gateway;
  readonly #configKey: string;
  readonly #folder: string;
  readonly #names = new Map<string, number>();
  readonly #mine = new Map<string, KeyValue>();
  /** Keys that are no host's, with the revision of which that was said. */
  readonly #ignored = new Map<string, number>();
  readonly #problems = new Map<string, string>();
  readonly #backOff: BackOff;
  readonly #tracker: Tracker;
  readonly #membership: Membership;
  #events: StoreEvents | undefined;
  #problem: string | undefined;
  #configText: string | undefined;
  #network: NetworkConfig | undefined;
  #own: OwnHost | undefined;
  #isFollowing = false;
  #cancel: Cancel = () => {};

  constructor(settings: EtcdSettings, means: EtcdMeans) {
    const { prefix, renewMargin } = settings;
    const { counts } = this;
    this.#means = means;
    this.#gateway = new Gateway(settings, means, counts);
    this.#configKey = `${prefix}/config`;
    this.#folder = `${prefix}/subnets/`;
    this.#backOff = new BackOff(200, 10_000, means.random);
    const gateway = this.#gateway;
    const onNote = (event: string, sentence: string) => this.#events?.onNote(event, sentence);
    this.#tracker = new Tracker(
      gateway,
      { ...means, prefix, counts },
      {
        onListing: (listing) => this.#listed(listing),
        onChange: (key, value) => this.#changed(key, value),
        pulseKey: () => this.#pulseKey,
        onPulse: (isThere, revision) => this.#membership.onPulse(isThere, revision),
        onProblem: (problem) => this.#tell("hosts", problem),
        onNote,
      },
    );
    const learn = (name: string, created: number) => void this.#names.set(name, created);
    const known = { names: this.#names, mine: this.#mine, learn };
    const folder = this.#folder;
    this.#membership = new Membership(
      { ...means, gateway, counts, renewMargin, folder, known },
      {
        onJoined: (subnets) => this.#events?.onJoined(subnets),
        onLost: (reason) => this.#events?.onLost(reason),
        onProblem: (problem) => this.#tell("place", problem),
        onRival: (problem) => this.#tell("rival", problem),
        onNote,
      },
    );
  }

  get leaseEnds(): number | undefined {
    return wallTime(this.#means.clock, this.#membership.lease.ends);
  }

  start(events: StoreEvents): void {
    this.#events = events;
    this.#readConfig();
  }

  publish(own: OwnHost): void {
    const isOther = !isSame(this.#own?.publicIP, own.publicIP);
    this.#own = own;
    if (!this.#network) return;
    this.#membership.publish(own, this.#network);
    if (isOther || !this.#isFollowing) this.#follow();
  }

  #follow(): void {
    this.#cancel();
    this.#isFollowing = true;
    this.#tracker.list();
  }

  stop(): void {
    this.#events = undefined;
    this.#cancel();
    this.#tracker.stop();
    this.#membership.stop();
    this.#gateway.close();
  }

  get #pulseKey(): string {
    const { name } = this.#membership;
    return name === "" ? this.#configKey : this.#folder + name;
  }

  /** The first of all problems there are is told, whenever it is another one. */
  #tell(source: string, problem: string | undefined): void {
    if (problem === undefined) this.#problems.delete(source);
    else this.#problems.set(source, problem);
    const [first] = this.#problems.values();
    if (first === this.#problem) return;
    this.#problem = first;
    this.#events?.onProblem(first);
  }

  /* ---- the configuration ---- */

  /** Until this host is published, nothing but the configuration is of interest. */
  #readConfig(): void {
    const question = { path: "/v3/kv/range", message: { key: encoded(this.#configKey) } };
    this.#cancel = this.#gateway.ask(question, (answer) => {
      this.#cancel = () => {};
      if (answer instanceof EtcdFailure) this.#tell("hosts", answer.message);
      else {
        this.#tell("hosts", undefined);
        this.#configured(keyValuesOf(answer)[0]?.value);
      }
      if (this.#isFollowing) return;
      if (this.#own && this.#network) return this.#follow();
      const wait = this.#network ? REREAD : this.#backOff.next();
      this.#cancel = this.#means.clock.after(wait, () => this.#readConfig());
    });
  }

  /** True if there is a network; what cannot be used changes nothing of the one that is known. */
  #configured(text: string | undefined): boolean {
    if (text === undefined) {
      const advice = "write it with: weft agent init --network …";
      this.#tell("config", `Cannot join a network: etcd has no key ${this.#configKey}, ${advice}`);
      return false;
    }
    try {
      const network = networkIn(text);
      this.#tell("config", undefined);
      if (text !== this.#configText) this.#become(text, network);
      return true;
    } catch (cause) {
      if (!(cause instanceof NetworkConfigError)) throw cause;
      this.#tell("config", `${cause.message} (key ${this.#configKey} of etcd)`);
      return this.#network !== undefined;
    }
  }

  #become(text: string, network: NetworkConfig): void {
    this.#configText = text;
    this.#network = network;
    this.#events?.onNetwork(network, {});
    if (this.#own) this.#membership.publish(this.#own, network);
  }

  /* ---- hosts ---- */

  #listed({ keys }: Listing): boolean {
    if (!this.#configured(keys.find(({ key }) => key === this.#configKey)?.value)) return false;
    this.#names.clear();
    this.#mine.clear();
    const hosts = keys.filter(({ key }) => key.startsWith(this.#folder));
    for (const kv of hosts) {
      this.#names.set(this.#nameOf(kv), kv.created);
      if (this.#mayBeOwn(kv)) this.#mine.set(this.#nameOf(kv), kv);
    }
    this.#membership.onListing();
    this.#events?.onHosts(this.#others(hosts));
    return true;
  }

  /** They are read one by one, as they are wanted: together they would take 7 MB of 5,000 hosts. */
  *#others(keys: readonly KeyValue[]): Iterable<Keyed> {
    for (const kv of keys) {
      const host = this.#mine.has(this.#nameOf(kv)) ? undefined : this.#hostIn(kv);
      if (host) yield [this.#nameOf(kv), host];
    }
  }

  /** What does not even have our address in it is not looked at closely. */
  #mayBeOwn(kv: KeyValue): boolean {
    const { publicIP } = this.#own ?? {};
    const isOurLease = kv.lease !== FOREVER && kv.lease === this.#membership.lease.id;
    const hasAddress = publicIP !== undefined && kv.value?.includes(`"${formatAddress(publicIP)}"`);
    const host = isOurLease || hasAddress ? this.#hostIn(kv) : undefined;
    return host !== undefined && this.#isOwn(host, kv);
  }

  #nameOf({ key }: { readonly key: string }): string {
    return key.slice(this.#folder.length);
  }

  /** Who has our address, and what lives by our lease. */
  #isOwn({ publicIP }: StoreHost, { lease }: KeyValue): boolean {
    const isOurLease = lease !== FOREVER && lease === this.#membership.lease.id;
    return isOurLease || isSame(publicIP, this.#own?.publicIP);
  }

  /** A host, or undefined if it is none, which is said once. */
  #hostIn(kv: KeyValue): StoreHost | undefined {
    const subnets = parseName(this.#nameOf(kv));
    if (!subnets) return this.#ignore(kv, "its name is no subnet");
    const value = kv.value === undefined ? "its value is not UTF-8" : parseValue(kv.value);
    if (typeof value === "string") return this.#ignore(kv, value);
    return { subnets, ...value };
  }

  #ignore({ key, modified }: KeyValue, why: string): undefined {
    if (this.#ignored.get(key) === modified) return;
    if (this.#ignored.size >= MOST_IGNORED) this.#ignored.clear();
    this.#ignored.set(key, modified);
    this.counts.ignored++;
    const shown = JSON.stringify(key.slice(0, 120));
    this.#events?.onNote("ignored", `the key ${shown} of etcd is no host's: ${why}`);
  }

  #changed(key: string, kv: KeyValue | undefined): void {
    if (key === this.#configKey) this.#configured(kv?.value);
    else if (!key.startsWith(this.#folder)) return;
    else if (kv) this.#written(this.#nameOf(kv), kv);
    else this.#deleted(key.slice(this.#folder.length));
  }

  #written(name: string, kv: KeyValue): void {
    const wasKnown = this.#names.has(name) && !this.#mine.has(name);
    this.#names.set(name, kv.created);
    const host = this.#hostIn(kv);
    if (!host) return;
    const isOwn = this.#isOwn(host, kv);
    if (isOwn) this.#mine.set(name, kv);
    else this.#mine.delete(name);
    if (name === this.#membership.name) this.#membership.onPut(isOwn ? kv : undefined);
    if (!isOwn) this.#events?.onHost(name, host);
    else if (wasKnown) this.#events?.onHost(name, undefined);
  }

  #deleted(name: string): void {
    const isOwn = this.#mine.delete(name);
    this.#names.delete(name);
    if (!isOwn && parseName(name)) this.#events?.onHost(name, undefined);
    this.#membership.onDeleted(name);
  }
}

/** Reads a configuration that etcd's keys can serve; throws NetworkConfigError. */
export function networkIn(text: string): NetworkConfig {
  const network = parseNetworkConfig(text);
  if (network.families[0]?.network.address.length === 4) return network;
  const expected = "true: the names of hosts in etcd begin with their IPv4 subnets";
  throw new NetworkConfigError("EnableIPv4", expected, false);
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && equalAddresses(a, b);
}
