/**
 * peers.json: the hosts of a network, as a list or under `peers` of an object.
 *
 *   [{ "subnet": ["10.244.2.0/24"], "publicIP": "198.51.100.2" },
 *    { "subnet": ["10.244.3.0/24"], "publicIP": "198.51.100.3", "vtepMAC": "02:00:00:00:00:03" }]
 *
 * Each is checked by itself here; contract/clashes.ts compares them with each other.
 */

import { equalAddresses, family, formatAddress } from "../../ip/address.ts";
import { type Cidr, containsAddress, formatCidr } from "../../ip/cidr.ts";
import { ContractError } from "./error.ts";
import { type End, type HostRecord, hostToJson, isObject, type JsonObject } from "./host.ts";
import { keysOfEnd, parsePublicIP, parseSubnets, parseVtepMac, requireWithin } from "./values.ts";
import { vtepMac } from "./vtep-mac.ts";

/** The network that a host joins, and itself. */
export interface Joined {
  readonly vni: number;
  readonly networks: readonly Cidr[];
  /** This host's own ends: the others have as many, each of the same family. */
  readonly ends: readonly OwnEnd[];
}

/** An end of this host. */
export interface OwnEnd extends End {
  /** What of the network it is for. */
  readonly networks: readonly Cidr[];
}

/**
 * The list in a peers file, each host still unchecked; `json` is undefined if there is no file:
 * nobody has said anything yet. Throws ContractError if it holds something else.
 */
export function peersIn(json: unknown, path: string): readonly unknown[] {
  if (json === undefined) return [];
  const list = isObject(json) ? json.peers : json;
  if (Array.isArray(list)) return list;
  throw new ContractError(`"${path}"`, "it must be a list of peers", json);
}

/** A host's ends, one for each of this host's; throws ContractError if it cannot be used. */
export function parsePeer(json: unknown, path: string, joined: Joined): readonly End[] {
  if (!isObject(json)) throw new ContractError(path, "a peer must be an object", json);
  if (json.subnet === undefined) throw new ContractError(path, "it must have a subnet", json);
  const subnets = parseSubnets(json.subnet, `${path}.subnet`);
  requireWithin(joined.networks, subnets, `${path}.subnet`);
  const ends = joined.ends.map((_, number) => parseEnd({ json, path, subnets, number }, joined));
  for (const { publicIP } of ends) {
    const own = subnets.find((subnet) => containsAddress(subnet, publicIP));
    if (!own) continue;
    const state = `its address is within its own subnet ${formatCidr(own)}`;
    throw new ContractError(path, state, json.publicIP);
  }
  return ends;
}

/** An end of a host, by its number. */
interface WrittenEnd {
  readonly json: JsonObject;
  readonly path: string;
  readonly subnets: readonly Cidr[];
  readonly number: number;
}

function parseEnd({ json, path, subnets, number }: WrittenEnd, { ends, vni }: Joined): End {
  const keys = keysOfEnd(number);
  const own = ends[number];
  const publicIP = parsePublicIP(json[keys.publicIP], `${path}.${keys.publicIP}`);
  if (!publicIP) throw new ContractError(path, `it must have a ${keys.publicIP}`, json);
  if (own && family(publicIP) !== family(own.publicIP)) {
    const shown = formatAddress(own.publicIP);
    const state = `${keys.publicIP} must be of the family of this host's, ${shown}`;
    throw new ContractError(path, state, json[keys.publicIP]);
  }
  const mac = parseVtepMac(json[keys.vtepMAC], `${path}.${keys.vtepMAC}`);
  const isItsOwn = ({ address }: Cidr) =>
    own?.networks.some((network) => network.address.length === address.length);
  return { subnets: subnets.filter(isItsOwn), publicIP, mac: mac ?? vtepMac(publicIP, vni) };
}

/** True for this host: whoever writes one list for all hosts writes each host's own entry too. */
export function isThisHost(ends: readonly End[], joined: Joined): boolean {
  return ends.every(({ publicIP, subnets }, i) => {
    const own = joined.ends[i];
    return (
      own && equalAddresses(publicIP, own.publicIP) && inWords(subnets) === inWords(own.subnets)
    );
  });
}

function inWords(subnets: readonly Cidr[]): string {
  return subnets.map(formatCidr).sort().join();
}

/** The text of a peers file. */
export function formatPeersFile(hosts: readonly HostRecord[]): string {
  return JSON.stringify(hosts.map(hostToJson));
}
