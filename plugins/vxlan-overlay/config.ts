/** The configuration of vxlan-overlay: from JSON the schema accepts to what the plugin works with. */

import { configError } from "../../lib/cni/error.ts";
import type { Json, JsonObject } from "../../lib/cni/json.ts";
import { flagAt, listAt, numberAt, textAt } from "../../lib/cni/netconf.ts";
import { type IpAddress, isGlobalUnicast, parseAddress } from "../../lib/ip/address.ts";
import { type Cidr, hasHostBits, overlapCidrs, parseCidr } from "../../lib/ip/cidr.ts";

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
  readonly bridge: string;
  readonly uplink: string | undefined;
  readonly publicIP: IpAddress | undefined;
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
    bridge: textAt(json, "bridge") ?? "cni0",
    uplink: textAt(json, "uplink"),
    publicIP: parsePublicIP(json.publicIP, "publicIP", strict),
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

function refuseContradictions({ networks, subnets, json, device }: OverlayConfig): void {
  if (networks.length === 0) throw configError("network", "a subnet", json.network);
  if (subnets.length > 0) refuseForeignSubnets(networks, subnets, "subnet");
  if (!/^[^/\s:]{1,15}$/.test(device) || device === "." || device === "..") {
    throw configError("device", "the name of a link", device);
  }
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
    throw configError(path, "within the network", textOf(subnet));
  }
  for (const network of networks) {
    if (subnets.some(({ address }) => address.length === network.address.length)) continue;
    throw configError(path, `given for ${textOf(network)} too`, subnets.map(textOf));
  }
}

function textOf({ address, prefixLength }: Cidr): string {
  const text = address.length === 4 ? address.join(".") : "IPv6";
  return `${text}/${prefixLength}`;
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
