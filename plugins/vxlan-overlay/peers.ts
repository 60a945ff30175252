/**
 * The other hosts: from the configuration and the peers file, checked against each other.
 *
 * The configuration is the administrator's word, and must be right as a whole. The file is written
 * for machines by machines: what of it cannot be used is left out and named, and all the others
 * stay in reach. Of two that claim the same, lib/overlay/contract/claims.ts says who is wrong.
 */

import { CniError, Code } from "../../lib/cni/error.ts";
import { type Cidr, containsAddress } from "../../lib/ip/cidr.ts";
import { findClashes } from "../../lib/overlay/contract/clashes.ts";
import { ContractError } from "../../lib/overlay/contract/error.ts";
import { isThisHost, type OwnEnd, parsePeer, peersIn } from "../../lib/overlay/contract/peers.ts";
import { PeerList } from "../../lib/overlay/peers.ts";
import { readJson } from "../../lib/state/record.ts";
import { asConfigError, type OverlayConfig, readOrRefuse } from "./config.ts";

/** Where the other hosts are, and who of them is left out. */
export interface Peers {
  /** For each of this host's devices the others' ends; a host has one number in all lists. */
  readonly lists: readonly PeerList[];
  /** Why a host of the file is not among them, one sentence for each. */
  readonly leftOut: readonly string[];
}

/** What peers are compared with. */
export interface Surroundings {
  readonly config: OverlayConfig;
  /** This host's ends, with the hardware addresses that its devices have. */
  readonly ends: readonly OwnEnd[];
  /** The uplink's own addresses and subnets: who is in one of them is reached without a router. */
  readonly links: readonly Cidr[];
}

/** All other hosts; throws CniError, code 7, if the configuration or the file as a whole is wrong. */
export function readPeers(around: Surroundings): Peers {
  const { config, ends } = around;
  const lists = ends.map(() => new PeerList());
  const leftOut: string[] = [];
  for (const [i, json] of config.peers.entries()) {
    readOrRefuse(() => addPeer(lists, { json, path: `peers[${i}]` }, around));
  }
  const trusted = lists[0]?.size ?? 0;
  const file = readJson(config.peersFile);
  for (const [i, json] of readOrRefuse(() => peersIn(file, config.peersFile)).entries()) {
    try {
      addPeer(lists, { json, path: `"${config.peersFile}" [${i}]` }, around);
    } catch (cause) {
      if (!(cause instanceof ContractError)) throw cause;
      leftOut.push(asConfigError(cause).message);
    }
  }
  return withoutClashes({ lists, leftOut }, ends, trusted);
}

/** A host as it is written, and where. */
interface Written {
  readonly json: unknown;
  readonly path: string;
}

function addPeer(
  lists: readonly PeerList[],
  { json, path }: Written,
  { config, ends: own, links }: Surroundings,
): void {
  const joined = { vni: config.vni, networks: config.networks, ends: own };
  const ends = parsePeer(json, path, joined);
  if (isThisHost(ends, joined)) return;
  for (const [i, end] of ends.entries()) {
    const isNear = () => links.some((link) => containsAddress(link, end.publicIP));
    lists[i]?.add({ ...end, isDirect: config.directRouting && isNear() });
  }
}

/** Leaves out who claims what is another's; throws CniError if that is in the configuration. */
function withoutClashes({ lists, leftOut }: Peers, own: readonly OwnEnd[], trusted: number): Peers {
  const count = 1 + (lists[0]?.size ?? 0);
  const endsOf = (host: number) => (host === 0 ? own : lists.map((list) => list.get(host - 1)));
  const clashes = findClashes({ count, trusted, endsOf });
  if (clashes.size === 0) return { lists, leftOut };
  for (let host = 1; host <= trusted; host++) {
    const clash = clashes.get(host);
    if (clash !== undefined) throw new CniError(Code.config, clash);
  }
  const kept = lists.map((list) => list.without((peer) => clashes.has(peer + 1)));
  return { lists: kept, leftOut: [...leftOut, ...clashes.values()] };
}
