/** Pools: what networks may give by their configurations, and what of it is reserved. */

import { isObject, type Json, type JsonObject } from "../../lib/cni/json.ts";
import { describeRange, type RangeSet, usage } from "../../lib/cni/range-set.ts";
import { parseRangeSets } from "../../lib/cni/ranges.ts";
import { orFault } from "../../lib/inventory/glance.ts";
import { usualDirectories } from "../../lib/inventory/inventory.ts";
import {
  lastReservedIn,
  networksBelow,
  type Reserved,
  reservedIn,
} from "../../lib/inventory/pools.ts";
import { listFromText, type NetworkList } from "../list-file.ts";
import { type Attached, type Attachments, allAttachments } from "./attached.ts";
import { networksIn } from "./networks.ts";

/** An address with whoever has it. */
export interface Holding extends Reserved {
  readonly isAlive: boolean;
  readonly why: string;
}

/** A place where a network keeps reservations, with what may be given there. */
export interface Pool {
  readonly network: string;
  readonly dataDir: string;
  /** None where no configuration of the network is known. */
  readonly sets: readonly RangeSet[];
  readonly holdings: readonly Holding[];
  readonly lastReserved: ReadonlyMap<number, string>;
}

export interface Pools {
  readonly pools: readonly Pool[];
  readonly attachments: Attachments;
  readonly faults: readonly string[];
}

/** All pools of host-local, of one network or of all. */
export function poolsOf(network: string | undefined, dataDirs: readonly string[]): Pools {
  const attachments = allAttachments(dataDirs);
  const faults = [...attachments.faults];
  const configured = configuredPools(attachments);
  const known = [
    ...usualDirectories.leases,
    ...dataDirs,
    ...configured.map((each) => each.dataDir),
  ];
  const found = [...new Set(known)].flatMap((dataDir) => {
    const names = orFault(`"${dataDir}"`, () => networksBelow(dataDir), faults) ?? [];
    return names.map((name) => ({ network: name, dataDir }));
  });
  const holdingOf = judgedBy(attachments);
  const places = new Map([...found, ...configured].map((each) => [pathOf(each), each]));
  const wanted = [...places.values()].filter((each) => (network ?? each.network) === each.network);
  const pools = wanted.map((place): Pool => {
    const path = pathOf(place);
    const look = <T>(body: () => T) => orFault(`"${path}"`, body, faults);
    const sets = configured.find((each) => pathOf(each) === path)?.sets ?? [];
    const records = look(() => reservedIn(path)) ?? [];
    const lastReserved = look(() => lastReservedIn(path)) ?? new Map<number, string>();
    return { ...place, sets, holdings: records.map(holdingOf), lastReserved };
  });
  return { pools: pools.sort(inOrder), attachments, faults: [...new Set(faults)] };
}

/** The directory of a pool. */
export function pathOf({ dataDir, network }: Pick<Pool, "dataDir" | "network">): string {
  return `${dataDir}/${network}`;
}

function inOrder(a: Pool, b: Pool): number {
  return pathOf(a) === pathOf(b) ? 0 : a.network + a.dataDir < b.network + b.dataDir ? -1 : 1;
}

/* ---- configurations ---- */

type Configured = Pick<Pool, "network" | "dataDir" | "sets">;

/** Pools by the files of networks, or else by the lists that attachments were made with. */
function configuredPools({ attached }: Attachments): readonly Configured[] {
  const { directory, lists } = networksIn();
  const kept = new Map(attached.flatMap(({ kept }) => (kept ? [[kept.network, kept.text]] : [])));
  const others = Array.from(kept, ([, text]) => listFromText(text, directory));
  const names = new Set(lists.map(({ name }) => name));
  const all = [...lists, ...others.filter((list) => list && !names.has(list.name))];
  return all.flatMap((list) => (list ? poolsIn(list) : []));
}

function poolsIn({ name, cniVersion, plugins }: NetworkList): readonly Configured[] {
  return plugins.flatMap(({ ipam }) => {
    if (!isObject(ipam) || ipam.type !== "host-local") return [];
    const dataDir = textIn(ipam.dataDir) || (usualDirectories.leases[0] ?? "");
    return { network: name, dataDir, sets: setsIn({ cniVersion, ipam }) };
  });
}

/** Ranges that ADD would refuse are none. */
function setsIn(config: JsonObject): readonly RangeSet[] {
  try {
    return parseRangeSets(config);
  } catch {
    return [];
  }
}

function textIn(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

/* ---- holders ---- */

/** Finds for a reservation whether somebody who lives has it. */
function judgedBy({ attached }: Attachments): (record: Reserved) => Holding {
  const holders = new Map<string, Attached[]>();
  for (const each of attached) {
    for (const { path } of each.leases) holders.set(path, [...(holders.get(path) ?? []), each]);
  }
  return (record) => {
    const own = holders.get(record.path) ?? [];
    const holder = own.find(({ isAlive }) => isAlive) ?? own[0];
    if (record.fault !== undefined) return { ...record, isAlive: false, why: record.fault };
    if (!holder) return { ...record, isAlive: true, why: "nobody can tell whose it is" };
    return { ...record, isAlive: holder.isAlive, why: holder.why };
  };
}

/* ---- use ---- */

/** How much of a range set is used; of what lies in no set, only that it is. */
export interface Use {
  /** As `10.1.0.1-10.1.0.254`. */
  readonly ranges: readonly string[];
  readonly size: number | undefined;
  readonly used: number;
  readonly stale: number;
  readonly lastReserved: string | undefined;
}

/** The use of each set of a pool, and of what is reserved outside of all of them. */
export function usesOf({ sets, holdings, lastReserved }: Pool): readonly Use[] {
  const inSet = (set: RangeSet) => holdings.filter(({ address }) => isIn(set, address));
  const uses = sets.map((set, id) => {
    const own = inSet(set);
    const { size } = usage([], set);
    const counts = { size, used: own.length, stale: staleIn(own) };
    return { ranges: set.map(describeRange), ...counts, lastReserved: lastReserved.get(id) };
  });
  const outside = holdings.filter(({ address }) => !sets.some((set) => isIn(set, address)));
  if (sets.length > 0 && outside.length === 0) return uses;
  const last = sets.length > 0 ? undefined : lastReserved.get(0);
  const counts = { size: undefined, used: outside.length, stale: staleIn(outside) };
  return [...uses, { ranges: [], ...counts, lastReserved: last }];
}

function staleIn(holdings: readonly Holding[]): number {
  return holdings.filter(({ isAlive }) => !isAlive).length;
}

function isIn(set: RangeSet, text: string): boolean {
  return usage([text], set).used === 1;
}
