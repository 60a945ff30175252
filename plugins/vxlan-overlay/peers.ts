/**
 * The other hosts: from the configuration and the peers file, checked against each other.
 *
 * The configuration is the administrator's word, and must be right as a whole. The file is written
 * for machines by machines: what of it cannot be used is left out and named, and all the others
 * stay in reach. Of two that claim the same, lib/overlay/contract/claims.ts says who is wrong.
 */

import { CniError, Code } from "../../lib/cni/error.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import { isWithin, type PackedSubnet, packCidr } from "../../lib/ip/packed.ts";
import { areApart, findClashes } from "../../lib/overlay/contract/clashes.ts";
import { ContractError } from "../../lib/overlay/contract/error.ts";
import {
  isThisHost,
  type Joined,
  type OwnEnd,
  parsePeer,
  peersIn,
} from "../../lib/overlay/contract/peers.ts";
import { type PackedEnd, packEnd, UsualPeers } from "../../lib/overlay/contract/usual-peer.ts";
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
  const reader = new Reader(around);
  const leftOut: string[] = [];
  for (const [i, json] of config.peers.entries()) {
    readOrRefuse(() => reader.add(json, () => `peers[${i}]`));
  }
  const trusted = reader.lists[0]?.size ?? 0;
  const file = readJson(config.peersFile);
  for (const [i, json] of readOrRefuse(() => peersIn(file, config.peersFile)).entries()) {
    try {
      reader.add(json, () => `"${config.peersFile}" [${i}]`);
    } catch (cause) {
      if (!(cause instanceof ContractError)) throw cause;
      leftOut.push(asConfigError(cause).message);
    }
  }
  return withoutClashes({ lists: reader.lists, leftOut }, ends, trusted);
}

/** Puts hosts into lists, one for each of this host's devices. */
class Reader {
  readonly lists: readonly PeerList[];
  readonly #joined: Joined;
  readonly #usual: UsualPeers;
  /** What is in one of these is direct. */
  readonly #near: readonly PackedSubnet[];

  constructor({ config, ends, links }: Surroundings) {
    this.lists = ends.map(() => new PeerList());
    this.#joined = { vni: config.vni, networks: config.networks, ends };
    this.#usual = new UsualPeers(this.#joined);
    this.#near = config.directRouting ? links.map(packCidr) : [];
  }

  /** Adds a host that is not this one; throws ContractError, with where it is, if it cannot be used. */
  add(json: unknown, path: () => string): void {
    const ends = this.#usual.endsOf(json) ?? this.#closely(json, path());
    for (let i = 0; i < ends.length; i++) {
      const end = ends[i];
      if (end) this.lists[i]?.addPacked({ ...end, isDirect: this.#isNear(end) });
    }
  }

  #closely(json: unknown, path: string): readonly PackedEnd[] {
    const ends = parsePeer(json, path, this.#joined);
    return isThisHost(ends, this.#joined) ? [] : ends.map(packEnd);
  }

  #isNear({ publicIP }: PackedEnd): boolean {
    return this.#near.some((link) => isWithin(link, publicIP));
  }
}

/** Leaves out who claims what is another's; throws CniError if that is in the configuration. */
function withoutClashes({ lists, leftOut }: Peers, own: readonly OwnEnd[], trusted: number): Peers {
  const count = 1 + (lists[0]?.size ?? 0);
  if (areApart(packedHosts(lists, own))) return { lists, leftOut };
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

/** The ends of this host, and of each other one. */
function* packedHosts(lists: readonly PeerList[], own: readonly OwnEnd[]) {
  yield own.map(packEnd);
  const count = lists[0]?.size ?? 0;
  for (let i = 0; i < count; i++) yield lists.map((list) => list.getPacked(i));
}
