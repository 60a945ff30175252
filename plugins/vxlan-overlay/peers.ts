/** The other hosts: from the configuration and the peers file, checked against each other. */

import { brief, CniError, Code } from "../../lib/cni/error.ts";
import { isObject, type Json } from "../../lib/cni/json.ts";
import { formatAddress } from "../../lib/ip/address.ts";
import {
  type Cidr,
  containsAddress,
  formatCidr,
  hostCidr,
  overlapCidrs,
} from "../../lib/ip/cidr.ts";
import { isMulticastMac, isZeroMac, type Mac, parseMac } from "../../lib/ip/mac.ts";
import type { Peer } from "../../lib/net/overlay.ts";
import { readJson } from "../../lib/net/record.ts";
import { vtepMac } from "../../lib/net/vxlan.ts";
import { type OverlayConfig, parsePublicIP, parseSubnets, refuseForeignSubnets } from "./config.ts";
import type { Node } from "./node.ts";

/** All other hosts; throws CniError, code 7, at the first that cannot be used. */
export function readPeers(config: OverlayConfig, node: Node): Peer[] {
  const { peersFile } = config;
  const listed = [
    ...config.peers.map((json, i) => parsePeer(json, `peers[${i}]`, { config, node })),
    ...listIn(peersFile).map((json, i) =>
      parsePeer(json, `"${peersFile}" [${i}]`, { config, node }),
    ),
  ];
  refuseClashes(listed, node);
  return listed;
}

/** A missing file is an empty list: nobody has said anything yet. */
function listIn(path: string): readonly Json[] {
  const json = readJson(path);
  if (json === undefined) return [];
  const list = isObject(json) ? json.peers : json;
  if (Array.isArray(list)) return list;
  throw unusable(`"${path}"`, "it must be a list of peers", json);
}

function unusable(what: string, state: string, found: unknown): CniError {
  return new CniError(Code.config, `Cannot use ${what}: ${state}, got ${brief(found)}`);
}

interface Surroundings {
  readonly config: OverlayConfig;
  readonly node: Node;
}

function parsePeer(json: Json, path: string, { config, node }: Surroundings): Peer {
  if (!isObject(json)) throw unusable(path, "a peer must be an object", json);
  const subnets = parseSubnets(json.subnet, `${path}.subnet`);
  refuseForeignSubnets(config.networks, subnets, `${path}.subnet`);
  const publicIP = parsePublicIP(json.publicIP, `${path}.publicIP`, true);
  if (!publicIP) throw unusable(path, "it must have a publicIP", json);
  if (publicIP.length !== node.publicIP.length) {
    const own = formatAddress(node.publicIP);
    throw unusable(path, `publicIP must be of the family of this host's, ${own}`, json.publicIP);
  }
  return {
    subnets,
    publicIP,
    mac: macOf(json.vtepMAC, path) ?? vtepMac(publicIP, config.vni),
    isDirect: config.directRouting && node.links.some((link) => containsAddress(link, publicIP)),
  };
}

function macOf(value: Json | undefined, path: string): Mac | undefined {
  if (value === undefined) return undefined;
  const mac = typeof value === "string" ? parseMac(value) : undefined;
  if (mac?.length === 6 && !isMulticastMac(mac) && !isZeroMac(mac)) return mac;
  throw unusable(path, "vtepMAC must be the hardware address of a device", value);
}

/** Addresses of hosts and parts of the network belong to one host each, and do not mix. */
function refuseClashes(peers: readonly Peer[], node: Node): void {
  const own = { subnets: node.subnets, publicIP: node.publicIP };
  const owners = new Map<string, string>([[formatAddress(own.publicIP), "this host"]]);
  const taken = [...own.subnets, hostCidr(own.publicIP)].map((subnet) => ({
    subnet,
    name: "this host",
  }));
  for (const { publicIP, subnets } of peers) {
    const name = formatAddress(publicIP);
    const holder = owners.get(name);
    if (holder !== undefined)
      throw unusable(`peer ${name}`, `its address is that of ${holder}`, name);
    owners.set(name, "another peer");
    for (const subnet of [...subnets, hostCidr(publicIP)]) {
      taken.push({ subnet, name: `peer ${name}` });
    }
  }
  refuseOverlaps(taken);
}

/** Sorted by address, a subnet that overlaps any other overlaps its neighbour in the order. */
function refuseOverlaps(taken: { readonly subnet: Cidr; readonly name: string }[]): void {
  const keyed = taken.map((item) => ({ ...item, key: sortKey(item.subnet) }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : 1));
  keyed.forEach(({ subnet, name }, i) => {
    const before = keyed[i - 1];
    if (!before || before.subnet.address.length !== subnet.address.length) return;
    if (!overlapCidrs(before.subnet, subnet)) return;
    const state = `what it has overlaps ${formatCidr(before.subnet)} of ${before.name}`;
    throw unusable(name, state, formatCidr(subnet));
  });
}

function sortKey({ address, prefixLength }: Cidr): string {
  return String.fromCharCode(address.length, ...address, prefixLength);
}
