/** For tests: hosts in words, and a world that remembers what was done in it. */

import type { JsonObject } from "../lib/cni/json.ts";
import { FakeClock } from "../lib/host/fake-clock.ts";
import { parseAddress } from "../lib/ip/address.ts";
import { type Cidr, formatCidr, parseCidr } from "../lib/ip/cidr.ts";
import { parseMac } from "../lib/ip/mac.ts";
import type { OwnEnd } from "../lib/overlay/contract/peers.ts";
import { vtepMac } from "../lib/overlay/contract/vtep-mac.ts";
import type { NetworkConfig } from "../lib/store/network.ts";
import type { OwnHost, Store, StoreEvents, StoreHost } from "../lib/store/store.ts";
import type { DataPath, Made } from "./data-path.ts";
import type { Changes, Members } from "./members.ts";
import type { OwnFiles } from "./own-files.ts";
import { planOf } from "./plan.ts";
import type { Own } from "./usable.ts";
import type { Found, Host, World } from "./world.ts";

export function cidrOf(text: string): Cidr {
  const cidr = parseCidr(text);
  if (!cidr) throw new Error(text);
  return cidr;
}

/** A host by number, 10.244.<n>.0/24 at 192.0.2.<n>, unless told otherwise. */
export function hostOf(number: number, other: Partial<StoreHost> = {}): StoreHost {
  const publicIP = parseAddress(`192.0.2.${number}`);
  return {
    subnets: [cidrOf(`10.244.${number}.0/24`)],
    publicIP,
    publicIPv6: undefined,
    backend: "vxlan",
    vtepMac: publicIP && vtepMac(publicIP, 1),
    vtepMacV6: undefined,
    ...other,
  };
}

export const network: NetworkConfig = {
  families: [
    {
      network: cidrOf("10.244.0.0/16"),
      subnetLength: 24,
      first: cidrOf("10.244.1.0/24").address,
      last: cidrOf("10.244.255.0/24").address,
    },
  ],
  backend: { type: "vxlan", vni: 1, port: 8472, mtu: undefined, directRouting: false },
  usesNftables: false,
  notes: [],
};

const ownAddress = parseAddress("192.0.2.1") ?? new Uint8Array(4);

/** What host 1 looks at others with. */
export const own: Own = {
  networks: [cidrOf("10.244.0.0/16")],
  backend: "vxlan",
  published: [],
  links: [],
  isDirect: false,
  ends: [
    {
      networks: [cidrOf("10.244.0.0/16")],
      subnets: [cidrOf("10.244.1.0/24")],
      publicIP: ownAddress,
      mac: vtepMac(ownAddress, 1),
    } satisfies OwnEnd,
  ],
};

/** A store that says what a test wants. */
export class FakeStore implements Store {
  readonly counts = {};
  readonly published: OwnHost[] = [];
  events: StoreEvents | undefined;
  isStopped = false;

  start(events: StoreEvents): void {
    this.events = events;
  }

  publish(host: OwnHost): void {
    this.published.push(host);
  }

  stop(): void {
    this.isStopped = true;
  }
}

/** A data path that does nothing but remember. */
export class FakePath implements DataPath {
  readonly hasOwn = false;
  readonly #world: FakeWorld;

  constructor(world: FakeWorld) {
    this.#world = world;
  }

  makeRight(members: Members | undefined): Made {
    this.#world.note(members ? `compare ${members.compare(own).lists[0]?.size}` : "compare files");
    if (this.#world.kernelFault !== undefined) throw new Error(this.#world.kernelFault);
    return { mtu: 1450, limits: [] };
  }

  change(changes: Changes): boolean {
    const inWords = changes[0]?.map(({ before, after }) => {
      const [old, current] = [before, after].map((each) => each?.subnets.map(formatCidr) ?? "none");
      return `${old} > ${current}`;
    });
    this.#world.note(`change ${inWords}`);
    return true;
  }

  seemsRight(): boolean {
    return true;
  }

  writePeers(members: Members): boolean {
    this.#world.files.writePeers(members.inJson(own));
    return true;
  }

  interest() {
    return { devices: [], uplink: undefined, routeProtocol: 87 };
  }

  isOwn(): boolean {
    return false;
  }

  forgetOwn(): void {}

  health() {
    return undefined;
  }
}

/** Files in memory. */
export class FakeFiles implements OwnFiles {
  saved: JsonObject | undefined;
  subnetEnv = "";
  peers = "";
  hasRightPeers = false;
  readonly #note: (what: string) => void;

  constructor(note: (what: string) => void) {
    this.#note = note;
  }

  readSaved(): JsonObject | undefined {
    return this.saved;
  }

  save(json: JsonObject): void {
    this.saved = json;
  }

  readSubnetEnv(): string {
    return this.subnetEnv;
  }

  ensureSubnetEnv(text: string): boolean {
    if (this.subnetEnv === text) return false;
    this.#note("subnet.env");
    this.subnetEnv = text;
    return true;
  }

  ensureNode(json: JsonObject): boolean {
    this.#note(`node ${JSON.stringify(json.subnet)}`);
    return true;
  }

  writePeers(hosts: Iterable<string>): void {
    const all = [...hosts];
    this.#note(`peers ${all.length}`);
    this.peers = `[${all.join()}]`;
    this.hasRightPeers = true;
  }

  hasPeers(): boolean {
    return this.hasRightPeers;
  }
}

/** A world in which everything succeeds, unless a fault is named. */
export class FakeWorld implements World, Host {
  readonly clock = new FakeClock();
  readonly store = new FakeStore();
  readonly done: string[] = [];
  readonly told: string[] = [];
  readonly files = new FakeFiles((what) => this.note(what));
  readonly isMasqueraded = true;
  uplinkFault: string | undefined;
  kernelFault: string | undefined;
  address = ownAddress;

  get host(): Host {
    return this;
  }

  note(what: string): void {
    this.done.push(what);
  }

  tell = (event: string, sentence: string): void => {
    this.told.push(`${event}: ${sentence}`);
  };

  find(config: NetworkConfig): Found {
    if (this.uplinkFault !== undefined) throw new Error(this.uplinkFault);
    const mac = parseMac("02:00:00:00:00:01") ?? new Uint8Array(6);
    const addresses = [this.address];
    const seat = { uplink: "eth0", uplinkMtu: 1500, addresses, published: [] };
    return {
      plan: planOf("flannel", config, { seat, macs: [mac] }),
      own: { ...hostOf(1), publicIP: this.address, vtepMac: mac, vni: 1 },
    };
  }

  resumed(plan: JsonObject): JsonObject {
    return plan;
  }

  pathOf(plan: JsonObject): DataPath {
    this.note(`path ${plan.publicIP} ${plan.device}`);
    return new FakePath(this);
  }

  ensureRules(): readonly string[] {
    return [];
  }

  hasRules(): boolean {
    return true;
  }

  removeFormerNetwork(): void {}

  removeFormer(): void {
    this.note("remove former");
  }

  /** What was done since this was last asked for. */
  takeDone(): readonly string[] {
    return this.done.splice(0);
  }
}
