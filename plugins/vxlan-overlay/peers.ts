/**
 * The other hosts: from the configuration and the peers file, checked against each other.
 *
 * The configuration is the administrator's word, and must be right as a whole. The file is written
 * for machines by machines: what of it cannot be used is left out and named, and all the others
 * stay in reach. Of two that claim the same, lib/overlay/claims.ts says who is wrong.
 */

import { pack } from "../../lib/bytes/packed.ts";
import { brief, CniError, Code } from "../../lib/cni/error.ts";
import { isObject, type Json, type JsonObject } from "../../lib/cni/json.ts";
import { equalAddresses, formatAddress } from "../../lib/ip/address.ts";
import { type Cidr, containsAddress, formatCidr, hostCidr } from "../../lib/ip/cidr.ts";
import { formatMac, type Mac } from "../../lib/ip/mac.ts";
import { type Claim, Claims, type Clash, SPACES } from "../../lib/overlay/claims.ts";
import { vtepMac } from "../../lib/overlay/device.ts";
import { type Peer, PeerList } from "../../lib/overlay/peers.ts";
import { readJson } from "../../lib/state/record.ts";
import {
  type OverlayConfig,
  parsePublicIP,
  parseSubnets,
  parseVtepMac,
  refuseForeignSubnets,
} from "./config.ts";
import { type Node, VTEP_KEYS, type Vtep } from "./node.ts";

/** Where the other hosts are, and who of them is left out. */
export interface Peers {
  /** For each of this host's devices the others' ends; a host has one number in all lists. */
  readonly lists: readonly PeerList[];
  /** Why a host of the file is not among them, one sentence for each. */
  readonly leftOut: readonly string[];
}

/** What peers are compared with: this host, and the hardware addresses that its devices have. */
export interface Surroundings {
  readonly config: OverlayConfig;
  readonly node: Node;
  readonly macs: readonly Mac[];
}

/** All other hosts; throws CniError, code 7, if the configuration or the file as a whole is wrong. */
export function readPeers(around: Surroundings): Peers {
  const { config, node } = around;
  const lists = node.vteps.map(() => new PeerList());
  const leftOut: string[] = [];
  const add = (json: Json, path: string) => {
    const ends = parsePeer(json, path, around);
    if (isThisHost(ends, node)) return;
    for (const [i, end] of ends.entries()) lists[i]?.add(end);
  };
  for (const [i, json] of config.peers.entries()) add(json, `peers[${i}]`);
  const trusted = lists[0]?.size ?? 0;
  for (const [i, json] of listIn(config.peersFile).entries()) {
    const problem = refusalOf(() => add(json, `"${config.peersFile}" [${i}]`));
    if (problem !== undefined) leftOut.push(problem);
  }
  return withoutClashes({ lists, leftOut }, { ...around, trusted });
}

/** Why something that was written cannot be used; any other error is thrown. */
function refusalOf(body: () => void): string | undefined {
  try {
    body();
    return undefined;
  } catch (cause) {
    if (cause instanceof CniError) return cause.message;
    throw cause;
  }
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

/** A peer's ends, one for each device of this host. */
function parsePeer(json: Json, path: string, around: Surroundings): readonly Peer[] {
  if (!isObject(json)) throw unusable(path, "a peer must be an object", json);
  const { config, node } = around;
  if (json.subnet === undefined) throw unusable(path, "it must have a subnet", json);
  const subnets = parseSubnets(json.subnet, `${path}.subnet`);
  refuseForeignSubnets(config.networks, subnets, `${path}.subnet`);
  const ends = node.vteps.map((vtep, i) => parseEnd({ json, path, subnets }, around, { vtep, i }));
  for (const { publicIP } of ends) {
    const own = subnets.find((subnet) => containsAddress(subnet, publicIP));
    if (!own) continue;
    throw unusable(path, `its address is within its own subnet ${formatCidr(own)}`, json.publicIP);
  }
  return ends;
}

interface Written {
  readonly json: JsonObject;
  readonly path: string;
  readonly subnets: readonly Cidr[];
}

function parseEnd(
  { json, path, subnets }: Written,
  { config, node }: Surroundings,
  { vtep, i }: { readonly vtep: Vtep; readonly i: number },
): Peer {
  const keys = VTEP_KEYS[i] ?? VTEP_KEYS[0];
  const publicIP = parsePublicIP(json[keys.publicIP], `${path}.${keys.publicIP}`, true);
  if (!publicIP) throw unusable(path, `it must have a ${keys.publicIP}`, json);
  if (publicIP.length !== vtep.publicIP.length) {
    const own = formatAddress(vtep.publicIP);
    const state = `${keys.publicIP} must be of the family of this host's, ${own}`;
    throw unusable(path, state, json[keys.publicIP]);
  }
  const given = parseVtepMac(json[keys.vtepMAC], `${path}.${keys.vtepMAC}`);
  return {
    subnets: subnets.filter(({ address }) =>
      vtep.networks.some((network) => network.address.length === address.length),
    ),
    publicIP,
    mac: given ?? vtepMac(publicIP, config.vni),
    isDirect: config.directRouting && node.links.some((link) => containsAddress(link, publicIP)),
  };
}

/** Whoever writes one list for all hosts writes each host's own entry as well. */
function isThisHost(ends: readonly Peer[], { vteps }: Node): boolean {
  return ends.every(({ publicIP, subnets }, i) => {
    const own = vteps[i];
    const isSame = own && equalAddresses(publicIP, own.publicIP);
    return (
      isSame && subnets.map(formatCidr).sort().join() === own.subnets.map(formatCidr).sort().join()
    );
  });
}

interface Known extends Surroundings {
  /** So many peers are of the configuration. */
  readonly trusted: number;
}

/** Leaves out who claims what is not his; throws CniError if that is in the configuration. */
function withoutClashes({ lists, leftOut }: Peers, around: Known): Peers {
  const { node, macs, trusted } = around;
  const size = lists[0]?.size ?? 0;
  const endsOf = (peer: number) => lists.map((list) => list.get(peer));
  const own = node.vteps.map((vtep, i) => ({ ...vtep, mac: macs[i] ?? NO_MAC }));
  const claims = new Claims();
  const hosts = new Map<string, number>();
  const numbers: number[] = [];
  for (let claimant = 0; claimant <= size; claimant++) {
    const ends = claimant === 0 ? own : endsOf(claimant - 1);
    for (const claim of claimsOf(ends, claimant)) claims.add(claim);
    numbers.push(claimant === 0 ? 0 : numberIn(hosts, ends));
  }
  const clashes = claims.clashes({
    hostOf: (claimant) => numbers[claimant] ?? 0,
    isTrusted: (claimant) => claimant <= trusted,
  });
  if (clashes.size === 0) return { lists, leftOut };
  const words = new Map(
    Array.from(clashes, ([claimant, clash]) => [claimant - 1, inWords(clash, endsOf)] as const),
  );
  const [wrong] = Array.from(words.keys()).sort((a, b) => a - b);
  if (wrong !== undefined && wrong < trusted) {
    throw new CniError(Code.config, words.get(wrong) ?? "");
  }
  const kept = lists.map((list) => list.without((number) => words.has(number)));
  return { lists: kept, leftOut: [...leftOut, ...words.values()] };
}

const NO_MAC: Mac = new Uint8Array(6);

/** Entries with the same addresses, both of devices and of hosts, are of one host; this one is 0. */
function numberIn(hosts: Map<string, number>, ends: readonly Pick<Peer, "publicIP" | "mac">[]) {
  const key = ends.map(({ publicIP, mac }) => pack(publicIP) + pack(mac)).join("");
  const number = hosts.get(key) ?? hosts.size + 1;
  hosts.set(key, number);
  return number;
}

function claimsOf(ends: readonly Omit<Peer, "isDirect">[], claimant: number): readonly Claim[] {
  return ends.flatMap(({ subnets, publicIP, mac }, i) => [
    ...[...subnets, hostCidr(publicIP)].map((cidr) => ({
      ...cidr,
      space: cidr.address.length,
      claimant,
    })),
    {
      space: i === 0 ? SPACES.mac : SPACES.macOfSecondDevice,
      address: mac,
      prefixLength: 48,
      claimant,
    },
  ]);
}

type EndsOf = (peer: number) => readonly Peer[];

function inWords({ own, other }: Clash, endsOf: EndsOf): string {
  const nameOf = ({ claimant }: Claim) =>
    claimant === 0 ? "this host" : peerName(endsOf(claimant - 1));
  const owner = nameOf(other);
  return `Cannot use ${nameOf(own)}: ${whatClashes({ own, other }, owner)}`;
}

function whatClashes({ own, other }: Clash, owner: string): string {
  const isMac = own.space === SPACES.mac || own.space === SPACES.macOfSecondDevice;
  if (isMac) return `its vtepMAC ${formatMac(own.address)} is that of ${owner}`;
  const [ours, theirs] = [own, other].map(formatCidr);
  const isAddress = ours === theirs && own.prefixLength === 8 * own.address.length;
  if (!isAddress) return `its ${ours} overlaps ${theirs} of ${owner}`;
  const more = other.claimant === 0 ? "" : ", with another vtepMAC";
  return `its address ${formatAddress(own.address)} is that of ${owner}${more}`;
}

/** A peer by its address and subnets, as error messages name it. */
function peerName(ends: readonly Peer[]): string {
  const subnets = ends.flatMap((end) => end.subnets.map(formatCidr));
  const [first] = ends;
  return `peer ${first ? formatAddress(first.publicIP) : ""} (${subnets.join(", ")})`;
}
