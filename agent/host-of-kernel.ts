/** This host's kernel, as the agent's life needs it. */

import { monotonic } from "host";
import { noDefaults } from "../lib/cni/defaults.ts";
import {
  ensureNetworkRules,
  findNetworkRulesFaults,
  type NetworkRules,
  removeFlanneldRules,
  seemToHaveNetworkRules,
} from "../lib/filter/network-rules.ts";
import { family, type IpAddress, parseAddress } from "../lib/ip/address.ts";
import { formatMac, type Mac } from "../lib/ip/mac.ts";
import { ensureBlackholes } from "../lib/net/blackhole.ts";
import { listLinks } from "../lib/net/link.ts";
import type { Netns } from "../lib/net/netns.ts";
import { ensureForwarding } from "../lib/net/routing-host.ts";
import { overlayOwner, readAlias } from "../lib/overlay/alias.ts";
import { nodeFilePath } from "../lib/overlay/contract/network.ts";
import { nodeMac, openNodeFile } from "../lib/overlay/contract/node.ts";
import { vtepMac } from "../lib/overlay/contract/vtep-mac.ts";
import { findVxlan } from "../lib/overlay/device.ts";
import { readJson } from "../lib/state/record.ts";
import type { NetworkConfig } from "../lib/store/network.ts";
import type { Hints, OwnHost } from "../lib/store/store.ts";
import { parseOverlayConfig } from "../plugins/vxlan-overlay/config.ts";
import { devicesOf } from "../plugins/vxlan-overlay/node.ts";
import { removeDevice } from "../plugins/vxlan-overlay/vtep-device.ts";
import type { DataPath } from "./data-path.ts";
import type { Tell } from "./events.ts";
import { removeFormerNetwork } from "./former-network.ts";
import { GatewayPath } from "./gateway-path.ts";
import type { AgentOptions } from "./options.ts";
import type { OwnFiles } from "./own-files.ts";
import { deviceNames, type Plan, planOf, type Seat, subnetsOf } from "./plan.ts";
import { findSeat } from "./seat.ts";
import { VxlanPath } from "./vxlan-path.ts";
import type { Found, Host } from "./world.ts";

/** What it is made of. */
export interface HostParts {
  readonly options: AgentOptions;
  readonly ns: Netns;
  readonly files: OwnFiles;
  readonly tell: Tell;
  /** Hears what the kernel has told so far. */
  readonly hear: () => void;
}

/** The host that this process runs on. */
export class HostOfKernel implements Host {
  readonly #parts: HostParts;
  /** False while something keeps rules from being made: then looking for them would be vain. */
  #areComplete = true;
  /** When rules are looked at next as a whole. */
  #next = 0;

  constructor(parts: HostParts) {
    this.#parts = parts;
  }

  find(network: NetworkConfig, hints: Hints): Found {
    const { ns, options } = this.#parts;
    const seat = findSeat(ns, options, { network, hints });
    const names = deviceNames(network.backend, seat.addresses.map(family));
    const macs = names.map((name, end) => this.#macOf(name, { end, seat, network }));
    const plan = planOf(options.network, network, { seat, macs });
    return { plan, own: ownHost(network, seat, macs) };
  }

  /** A device without an alias is flannel's, and has the hardware address that others know now. */
  resumed(plan: Plan): Plan {
    const keys = [
      ["device", "vtepMAC"],
      ["deviceV6", "vtepMACv6"],
    ] as const;
    const macs = keys.flatMap(([device, key]) => {
      const found = quietly(() => findVxlan(this.#parts.ns, String(plan[device])));
      return found?.alias === "" ? [[key, formatMac(found.mac)]] : [];
    });
    return { ...plan, ...Object.fromEntries(macs) };
  }

  pathOf(plan: Plan, tell: (what: string) => void): DataPath {
    const { ns, files, hear } = this.#parts;
    const listed = Array.isArray(plan.published) ? plan.published : [];
    const published = listed.flatMap((each) => parseAddress(String(each)) ?? []);
    const config = parseOverlayConfig(plan, true, noDefaults);
    const parts = { config, host: ns, files, published, tell, hear };
    return plan.backend === "host-gw" ? new GatewayPath(parts) : new VxlanPath(parts);
  }

  ensureRules(plan: Plan, tell: (what: string) => void): readonly string[] {
    const { ns, options } = this.#parts;
    const { networks, subnets } = subnetsOf(plan);
    const uplink = String(plan.uplink);
    const forwarding = ensureForwarding(ns, { networks, uplink }, tell);
    const holes = options.hasBlackholeRoute ? subnets : [];
    ensureBlackholes(ns, { networks, subnets: holes }, tell);
    const faults = ensureNetworkRules(ns, this.#rulesOf(plan), tell);
    this.#areComplete = faults.length === 0;
    return [...forwarding, ...faults];
  }

  /** What little tells is looked at each time, all of it only as often as the options say. */
  hasRules(plan: Plan): boolean {
    const { ns, options } = this.#parts;
    const rules = this.#rulesOf(plan);
    if (!seemToHaveNetworkRules(ns, rules)) return false;
    const now = monotonic();
    if (!this.#areComplete || now < this.#next) return true;
    this.#next = now + 1000 * Math.max(1, options.filter.resync);
    return findNetworkRulesFaults(ns, rules).length === 0;
  }

  #rulesOf(plan: Plan): NetworkRules {
    const { filter, network: name } = this.#parts.options;
    return { name, ...subnetsOf(plan), ...filter };
  }

  removeFormerNetwork(plan: Plan, former: Plan): void {
    const { ns, tell } = this.#parts;
    removeFormerNetwork(ns, { plan, former }, (what) => tell("changed", what));
  }

  removeFormer(plan: Plan): void {
    const { ns } = this.#parts;
    const tell = (what: string) => this.#parts.tell("changed", what);
    const config = parseOverlayConfig(plan, false, noDefaults);
    const owner = overlayOwner(config.name);
    const current = plan.backend === "vxlan" ? devicesOf(config) : [];
    for (const { kind, name, alias } of listLinks(ns)) {
      const isOurs = kind === "vxlan" && readAlias(owner, alias) !== undefined;
      if (!isOurs || current.includes(name)) continue;
      // The routes beside a device are those of the plan that there is now.
      const left = { ...config, networks: [] };
      removeDevice(left, ns, { name, tell });
    }
    removeFlanneldRules(ns, this.#rulesOf(plan), tell);
  }

  /** That of a device to be taken over, else what the node file says, else the device's, else computed. */
  #macOf(name: string, { end, seat, network }: OfDevice): Mac {
    const found = quietly(() => findVxlan(this.#parts.ns, name));
    if (found?.alias === "") return found.mac;
    const path = nodeFilePath(this.#parts.options.network);
    const written = quietly(() => nodeMac(openNodeFile(readJson(path), path), end));
    const vni = network.backend.type === "vxlan" ? network.backend.vni : 0;
    return written ?? found?.mac ?? vtepMac(seat.addresses[end] ?? new Uint8Array(4), vni);
  }
}

interface OfDevice {
  readonly end: number;
  readonly seat: Seat;
  readonly network: NetworkConfig;
}

/** What cannot be read does not say anything; whoever needs it says why. */
function quietly<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch {
    return undefined;
  }
}

function ownHost(
  { backend, families }: NetworkConfig,
  { addresses, published }: Seat,
  macs: readonly Mac[],
): Omit<OwnHost, "formerSubnets"> {
  const at = (number: number) =>
    families.findIndex(({ network }) => family(network.address) === number);
  const told = (number: number): IpAddress | undefined =>
    published.find((each) => family(each) === number) ?? addresses[at(number)];
  return {
    backend: backend.type,
    vni: backend.type === "vxlan" ? backend.vni : 0,
    publicIP: told(4),
    publicIPv6: told(6),
    vtepMac: macs[at(4)],
    vtepMacV6: macs[at(6)],
  };
}
