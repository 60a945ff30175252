/** Networks as their files mean them, for checks: which bridge they use, which subnets they have. */

import { isObject, type Json, type JsonObject } from "../../lib/cni/json.ts";
import {
  type Family,
  family,
  formatAddress,
  type IpAddress,
  nextAddress,
  parseAddress,
} from "../../lib/ip/address.ts";
import { type Cidr, firstAddress, lastAddress, networkOf, parseCidr } from "../../lib/ip/cidr.ts";
import type { AddressRange } from "../../lib/ip/range.ts";
import type { Link } from "../../lib/net/link.ts";
import type { NetworkList } from "../list-file.ts";
import type { Examined } from "./finding.ts";
import { typeOf } from "./loaded.ts";

/** A subnet of a network, and those of its addresses that are handed out. */
export interface Pool {
  readonly subnet: Cidr;
  readonly range: AddressRange;
  /** The address of the host's bridge, if it gets one. */
  readonly gateway: IpAddress;
}

/** A network by its first plugin. */
export interface Network {
  readonly name: string;
  readonly list: NetworkList;
  /** The plugin that makes the interface. */
  readonly main: JsonObject;
  /** The host's bridge; undefined if it has none. */
  readonly bridge: string | undefined;
  /** True if the host forwards what its containers send. */
  readonly isRouted: boolean;
  /** True if it spans many hosts by a device of its own. */
  readonly isOverlay: boolean;
  /** True if a plugin of it lets the packet filter accept what is forwarded. */
  readonly isAccepted: boolean;
  readonly pools: readonly Pool[];
  /** The MTU that it asks for; 0 if it asks for none. */
  readonly mtu: number;
}

/** The networks of the directory, one for each name. */
export function networksOf({ lists }: Examined): readonly Network[] {
  const byName = new Map<string, Network>();
  for (const { list } of lists) {
    if (list && !byName.has(list.name)) byName.set(list.name, networkIn(list));
  }
  return [...byName.values()];
}

function networkIn(list: NetworkList): Network {
  const main = list.plugins[0] ?? {};
  const types = list.plugins.map(typeOf);
  const maker = makerOf(main);
  const type = typeOf(maker);
  const bridge = textOf(member(maker, "bridge")) || "cni0";
  const mtu = member(maker, "mtu");
  return {
    ...{ name: list.name, list, main },
    bridge: bridging.includes(type) ? bridge : undefined,
    isOverlay: overlays.includes(typeOf(main)),
    isRouted: isRouted(maker) || type === "vxlan-overlay",
    isAccepted: [...overlays, "firewall"].some((each) => types.includes(each)),
    pools: poolsIn(member(main, "ipam")),
    mtu: typeof mtu === "number" ? mtu : 0,
  };
}

const bridging = ["bridge", "vxlan-overlay"];
/** Plugins whose daemons, or they themselves, accept what a network of theirs forwards. */
const overlays = ["vxlan-overlay", "flannel"];

/** What makes the interface: flannel leaves it to another, the bridge plugin unless it says so. */
function makerOf(main: JsonObject): JsonObject {
  if (typeOf(main) !== "flannel") return main;
  const delegate = member(main, "delegate");
  return { type: "bridge", isGateway: true, ...(isObject(delegate) ? delegate : {}) };
}

function isRouted(maker: JsonObject): boolean {
  const isTrue = (key: string) => member(maker, key) === true;
  const isGateway = isTrue("isGateway") || isTrue("isDefaultGateway") || isTrue("ipMasq");
  return typeOf(maker) === "ptp" || (typeOf(maker) === "bridge" && isGateway);
}

/** A value by its key, whose letters may be of any case. */
export function member(config: JsonObject, key: string): Json | undefined {
  const wanted = key.toLowerCase();
  return (
    config[key] ?? config[Object.keys(config).find((each) => each.toLowerCase() === wanted) ?? ""]
  );
}

/** What host-local hands out: `ranges`, and a subnet without them. */
function poolsIn(ipam: Json | undefined): readonly Pool[] {
  if (!isObject(ipam)) return [];
  const ranges = member(ipam, "ranges");
  const more = Array.isArray(ranges)
    ? ranges.flatMap((set) => (Array.isArray(set) ? set : []))
    : [];
  return [ipam, ...more].filter(isObject).flatMap((each) => poolIn(each) ?? []);
}

function poolIn(pool: JsonObject): Pool | undefined {
  const said = parseCidr(textOf(member(pool, "subnet")));
  if (!said) return undefined;
  const subnet = networkOf(said);
  const start = addressOf(member(pool, "rangeStart")) ?? firstAddress(subnet);
  const end = addressOf(member(pool, "rangeEnd")) ?? lastAddress(subnet);
  const gateway = addressOf(member(pool, "gateway")) ?? nextAddress(firstAddress(subnet));
  return { subnet, range: { start, end }, gateway };
}

function addressOf(value: Json | undefined): IpAddress | undefined {
  return parseAddress(textOf(value));
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

/** The families of a network's addresses; IPv4 where it does not say. */
export function familiesOf({ pools }: Network): readonly Family[] {
  const said = new Set(pools.map(({ subnet }) => family(subnet.address)));
  return said.size > 0 ? [...said] : [4];
}

/** The bridges of networks that are there, with the networks that use each. */
export function bridgesOf(
  examined: Examined,
): readonly { readonly link: Link; readonly networks: readonly Network[] }[] {
  const networks = networksOf(examined);
  return examined.links.flatMap((link) => {
    const own = networks.filter(({ bridge }) => bridge === link.name);
    return link.kind === "bridge" && own.length > 0 ? [{ link, networks: own }] : [];
  });
}

/** `"pods" (10.1.0.0/16)`, as sentences have a network. */
export function inWords({ name, pools }: Network): string {
  const subnets = pools.map(
    ({ subnet }) => `${formatAddress(subnet.address)}/${subnet.prefixLength}`,
  );
  return `"${name}"${subnets.length > 0 ? ` (${subnets.join(", ")})` : ""}`;
}
