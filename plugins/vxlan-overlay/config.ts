/** The configuration of vxlan-overlay: from JSON the schema accepts to what the plugin works with. */

import { configError } from "../../lib/cni/error.ts";
import type { Json, JsonObject } from "../../lib/cni/json.ts";
import { flagAt, listAt, numberAt, textAt } from "../../lib/cni/netconf.ts";
import {
  formatAddress,
  type IpAddress,
  isGlobalUnicast,
  parseAddress,
} from "../../lib/ip/address.ts";
import { type Cidr, formatCidr, hasHostBits, overlapCidrs, parseCidr } from "../../lib/ip/cidr.ts";
import { isMulticastMac, isZeroMac, type Mac, parseMac } from "../../lib/ip/mac.ts";

export interface OverlayConfig {
  /** The configuration itself: what the bridge plugin gets is made from it. */
  readonly json: JsonObject;
  readonly name: string;
  readonly networks: readonly Cidr[];
  /** Empty if the node file is to say. */
  readonly subnets: readonly Cidr[];
  readonly vni: number;
  readonly port: number;
  readonly device: string;
  /** The second device, for IPv6 in IPv6; undefined: the first one carries all. */
  readonly deviceV6: string | undefined;
  readonly bridge: string;
  readonly uplink: string | undefined;
  readonly publicIP: IpAddress | undefined;
  readonly publicIPv6: IpAddress | undefined;
  /** Undefined: as the uplink allows. */
  readonly mtu: number | undefined;
  readonly checksum: boolean | undefined;
  readonly ipMasq: boolean;
  readonly ipMasqBackend: "nftables" | "iptables" | undefined;
  readonly directRouting: boolean;
  readonly peers: readonly Json[];
  readonly peersFile: string;
  readonly nodeFile: string;
}

/** The configuration; `strict` refuses what cannot go together. */
export function parseOverlayConfig(json: JsonObject, strict: boolean): OverlayConfig {
  const name = textAt(json, "name") ?? "";
  const vni = numberAt(json, "vni") ?? 1;
  const read = strict ? parseSubnets : parseSubnetsLeniently;
  const config: OverlayConfig = {
    json,
    name,
    networks: read(json.network, "network"),
    subnets: read(json.subnet, "subnet"),
    vni,
    port: numberAt(json, "port") ?? 8472,
    device: textAt(json, "device") ?? `weft.${vni}`,
    deviceV6: textAt(json, "deviceV6"),
    bridge: textAt(json, "bridge") ?? "cni0",
    uplink: textAt(json, "uplink"),
    publicIP: parsePublicIP(json.publicIP, "publicIP", strict),
    publicIPv6: parsePublicIP(json.publicIPv6, "publicIPv6", strict),
    mtu: strict ? parseMtu(json.mtu) : undefined,
    checksum: strict ? parseChecksum(json.txChecksum) : undefined,
    ipMasq: flagAt(json, "ipMasq"),
    ipMasqBackend: textAt(json, "ipMasqBackend") as OverlayConfig["ipMasqBackend"],
    directRouting: flagAt(json, "directRouting"),
    peers: listAt(json, "peers"),
    peersFile: textAt(json, "peersFile") ?? `/run/weft/${name}/peers.json`,
    nodeFile: textAt(json, "nodeFile") ?? `/run/weft/${name}/node.json`,
  };
  if (strict) refuseContradictions(config);
  return config;
}

function refuseContradictions(config: OverlayConfig): void {
  const { networks, subnets, json, device, deviceV6, publicIP, publicIPv6 } = config;
  if (networks.length === 0) throw configError("network", "a subnet", json.network);
  if (subnets.length > 0) refuseForeignSubnets(networks, subnets, "subnet");
  for (const [path, name] of Object.entries({ device, deviceV6 })) {
    if (name === undefined || (/^[^/\s:]{1,15}$/.test(name) && name !== "." && name !== ".."))
      continue;
    throw configError(path, "the name of a link", name);
  }
  if (deviceV6 === undefined) return;
  if (deviceV6 === device) throw configError("deviceV6", "another link than device", deviceV6);
  if (networks.length < 2) {
    throw configError("network", "of both families where deviceV6 is given", json.network);
  }
  if (publicIP) refuseOtherFamily(publicIP, 4, "publicIP");
  if (publicIPv6) refuseOtherFamily(publicIPv6, 16, "publicIPv6");
}

/** With two devices each has its family. */
export function refuseOtherFamily(address: IpAddress, bytes: 4 | 16, path: string): void {
  if (address.length === bytes) return;
  const family = bytes === 4 ? "IPv4" : "IPv6";
  throw configError(path, `an ${family} address where deviceV6 is given`, formatAddress(address));
}

/** A host's subnets: one of each family of the network, and within it. */
export function refuseForeignSubnets(
  networks: readonly Cidr[],
  subnets: readonly Cidr[],
  path: string,
): void {
  for (const subnet of subnets) {
    const network = networks.find(({ address }) => address.length === subnet.address.length);
    const isInside =
      network && subnet.prefixLength >= network.prefixLength && overlapCidrs(network, subnet);
    if (isInside) continue;
    throw configError(path, "within the network", formatCidr(subnet));
  }
  for (const network of networks) {
    if (subnets.some(({ address }) => address.length === network.address.length)) continue;
    throw configError(path, `given for ${formatCidr(network)} too`, subnets.map(formatCidr));
  }
}

/** One subnet as text, or a list with one of each family; none if there is nothing. */
export function parseSubnets(value: Json | undefined, path: string): Cidr[] {
  if (value === undefined) return [];
  const texts: readonly Json[] = Array.isArray(value) ? value : [value];
  const subnets = texts.map((text) => {
    const subnet = typeof text === "string" ? parseCidr(text) : undefined;
    if (!subnet || hasHostBits(subnet)) {
      throw configError(path, "a subnet like 10.244.0.0/16", text);
    }
    return subnet;
  });
  const families = new Set(subnets.map(({ address }) => address.length));
  if (families.size === subnets.length) return subnets;
  throw configError(path, "one subnet of each family at most", value);
}

function parseSubnetsLeniently(value: Json | undefined, path: string): Cidr[] {
  try {
    return parseSubnets(value, path);
  } catch {
    return [];
  }
}

/** An address of a host that others can reach; `strict` refuses what is none. */
export function parsePublicIP(
  value: Json | undefined,
  path: string,
  strict: boolean,
): IpAddress | undefined {
  if (value === undefined) return undefined;
  const address = typeof value === "string" ? parseAddress(value) : undefined;
  if (address && isGlobalUnicast(address)) return address;
  if (strict) throw configError(path, "the IP address of a host", value);
  return undefined;
}

/** The hardware address of a device. */
export function parseVtepMac(value: Json | undefined, path: string): Mac | undefined {
  if (value === undefined) return undefined;
  const mac = typeof value === "string" ? parseMac(value) : undefined;
  if (mac?.length === 6 && !isMulticastMac(mac) && !isZeroMac(mac)) return mac;
  throw configError(path, "the hardware address of a device", value);
}

function parseMtu(value: Json | undefined): number | undefined {
  if (value === undefined || value === "auto") return undefined;
  if (typeof value === "number") return value;
  throw configError("mtu", 'a number or "auto"', value);
}

function parseChecksum(value: Json | undefined): boolean | undefined {
  if (value === undefined || value === "auto") return undefined;
  if (typeof value === "boolean") return value;
  throw configError("txChecksum", 'true, false or "auto"', value);
}
