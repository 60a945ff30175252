/** The other hosts: from the configuration and the peers file, checked against each other. */

import { pack, unpack } from "../../lib/bytes/packed.ts";
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
import { type Peer, PeerList } from "../../lib/net/peers.ts";
import { readJson } from "../../lib/net/record.ts";
import { vtepMac } from "../../lib/net/vxlan.ts";
import { type OverlayConfig, parsePublicIP, parseSubnets, refuseForeignSubnets } from "./config.ts";
import type { Node } from "./node.ts";

/** All other hosts; throws CniError, code 7, at the first that cannot be used. */
export function readPeers(config: OverlayConfig, node: Node): PeerList {
  const { peersFile } = config;
  const peers = new PeerList();
  const add = (list: readonly Json[], nameOf: (i: number) => string) => {
    for (const [i, json] of list.entries()) peers.add(parsePeer(json, nameOf(i), { config, node }));
  };
  add(config.peers, (i) => `peers[${i}]`);
  add(listIn(peersFile), (i) => `"${peersFile}" [${i}]`);
  refuseClashes(peers, node);
  return peers;
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

/** Part of the network, or an address on the uplink's, that belongs to one host. */
interface Claim {
  readonly subnet: Cidr;
  /** 0 is this host, 1 the first peer. */
  readonly host: number;
}

/**
 * Addresses of hosts and parts of the network belong to one host each, and do not mix. In order of
 * their addresses, a subnet that overlaps any other overlaps one that is next to it.
 */
function refuseClashes(peers: PeerList, node: Node): void {
  const claims = claimsOf(node, 0);
  peers.forEach((peer, number) => {
    claims.push(...claimsOf(peer, number + 1));
  });
  let before: Claim | undefined;
  for (const text of claims.sort()) {
    const claim = unpackClaim(text);
    if (before && overlapCidrs(before.subnet, claim.subnet)) {
      const [other, own] = claim.host === 0 ? [claim, before] : [before, claim];
      throw clash(own, other, peers);
    }
    before = claim;
  }
}

function clash({ subnet, host }: Claim, other: Claim, peers: PeerList): CniError {
  const nameOf = (number: number) =>
    number === 0 ? "this host" : `peer ${formatAddress(peers.get(number - 1).publicIP)}`;
  const state = `it overlaps ${formatCidr(other.subnet)} of ${nameOf(other.host)}`;
  return unusable(nameOf(host), state, formatCidr(subnet));
}

/** As texts that sort as addresses do, the larger one of two subnets first. */
function claimsOf({ subnets, publicIP }: Pick<Peer, "subnets" | "publicIP">, host: number) {
  const number = pack([host >> 16, (host >> 8) & 255, host & 255]);
  return [...subnets, hostCidr(publicIP)].map(
    ({ address, prefixLength }) =>
      pack([address.length]) + pack(address) + pack([prefixLength]) + number,
  );
}

function unpackClaim(text: string): Claim {
  const bytes = unpack(text);
  const [length = 0] = bytes;
  const [prefixLength = 0, high = 0, middle = 0, low = 0] = bytes.subarray(1 + length);
  const subnet = { address: bytes.slice(1, 1 + length), prefixLength };
  return { subnet, host: (high << 16) | (middle << 8) | low };
}
