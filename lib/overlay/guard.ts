/**
 * Who is heard by an overlay's device: its peers, and nobody else (lib/overlay/guard-rules.ts says
 * by which rules). Where the kernel has no nf_tables, iptables do it.
 */

import { pack } from "../bytes/packed.ts";
import { hasRules } from "../filter/nft-rules.ts";
import {
  changeTables,
  findGeneration,
  isThere,
  unlessUnsupported,
} from "../filter/nft-transaction.ts";
import { inetTable as table } from "../filter/nftables/sets.ts";
import { ENOENT } from "../host/errno.ts";
import { lazily } from "../host/lazy.ts";
import { unpack } from "../host/packed.ts";
import { formatAddress } from "../ip/address.ts";
import type { Netns } from "../net/netns.ts";
import { decodeReply, type Outcome } from "../netlink/connection.ts";
import { isRefusal } from "../netlink/error.ts";
import type { Request } from "../netlink/message.ts";
import {
  delChain,
  delElements,
  delRule,
  delSet,
  ensureElements,
  getChain,
  getSet,
  listElements,
  type NftSet,
  newChain,
  newRule,
  newSet,
  newTable,
} from "../netlink/nft-request.ts";
import { chainMessage, keysMessage } from "../netlink/nftables.ts";
import { chainOf, LEAST_RULES, rulesOf, setOf } from "./guard-rules.ts";
import type { Guarded, Tell } from "./overlay.ts";

type ByIptables = typeof import("./overlay-guard-iptables.lazy.ts");

const iptables = () => lazily<ByIptables>("overlay-guard-iptables");

/** Addresses as short texts: there may be thousands. */
export type PackedAddresses = readonly string[];

/**
 * Lets in all peers and nobody but them and who was let in before: those are returned, to be shut
 * out once nothing leads to them. Throws IptablesError where there are neither nf_tables nor
 * iptables.
 */
export function ensureGuard(ns: Netns, guarded: Guarded, tell: Tell): PackedAddresses {
  const found = foundIn(ns, setOf(guarded.device, guarded.family));
  if (!found) {
    iptables().ensureGuard(ns, guarded, tell);
    return [];
  }
  const { missing, stale } = compare(guarded, found);
  letIn(ns, guarded, { addresses: missing, tell });
  if (ensureRules(ns, guarded)) tell?.(`guard "${guarded.device}"`);
  return stale;
}

/** Shuts out who is no peer any more. */
export function shutOut(
  ns: Netns,
  { device, family }: Guarded,
  { addresses, tell }: Admission,
): void {
  const set = setOf(device, family);
  eachPart(addresses, CHUNK, (gone) => {
    const requests = pieces(gone, (piece) => delElements(set, piece.map(unpack)));
    changeTables(ns, { questions: [], plan: () => requests });
  });
  if (tell) for (const address of addresses) tell(`shut out ${inWords(address)}`);
}

/** True if a device has its guard, as far as one question tells; iptables are not asked. */
export function isGuarded(ns: Netns, device: string): boolean {
  return unlessUnsupported(() => {
    const [answer] = ns.netfilter.attempt(getChain(chainOf(device)));
    if (answer?.error && !isRefusal(answer.error, ENOENT)) throw answer.error;
    return rulesIn(answer) >= LEAST_RULES;
  }, true);
}

/** What a device's guard lacks, each in words. */
export function findGuardFaults(ns: Netns, guarded: Guarded): readonly string[] {
  const { device, family } = guarded;
  const found = foundIn(ns, setOf(device, family));
  if (!found) return iptables().findGuardFaults(ns, guarded);
  const chain = chainOf(device);
  const { missing, stale } = compare(guarded, found);
  return [
    ...(hasRules(ns, chain, rulesOf(guarded))
      ? []
      : [`anybody may send to "${device}": chain "${chain.name}" does not have its rules`]),
    ...missing.map((address) => `peer ${inWords(address)} is not let in`),
    ...stale.map((address) => `${inWords(address)} is let in and no peer`),
  ];
}

/** Ends the guard of a device that is gone; none is fine. */
export function deleteGuard(ns: Netns, device: string): void {
  const chain = chainOf(device);
  const sets = [setOf(device, 4), setOf(device, 6)];
  const isDone = changeTables(ns, {
    questions: [getChain(chain), ...sets.map(getSet)],
    plan: ([found, ...others]) => [
      ...(isThere(found) ? [delRule(chain), delChain(chain)] : []),
      ...sets.filter((_, i) => isThere(others[i])).map(delSet),
    ],
  });
  if (!isDone) iptables().deleteGuard(ns, device);
}

/* ---- who is let in ---- */

/** How many addresses one transaction adds: it has to fit one datagram. */
const CHUNK = 2000;
/** How many of them fit one request. */
const PIECE = 500;

/** Whom to let in or to shut out. */
export interface Admission {
  readonly addresses: PackedAddresses;
  readonly tell: Tell;
}

/** Whom a set lets in; undefined where there is no nf_tables. */
function foundIn(ns: Netns, set: NftSet): PackedAddresses | undefined {
  if (findGeneration(ns) === undefined) return undefined;
  const found: string[] = [];
  try {
    ns.netfilter.dump(listElements(set), keysMessage, ({ attributes: keys = [] }) => {
      for (const key of keys) if (key) found.push(pack(key));
    });
  } catch (cause) {
    if (!isRefusal(cause, ENOENT)) throw cause;
  }
  return found;
}

function compare({ peers }: Guarded, found: PackedAddresses) {
  const missing = new Set(peers.packedAddresses());
  const known = new Set(missing);
  const stale = found.filter((address) => !known.has(address));
  for (const address of found) missing.delete(address);
  return { missing: Array.from(missing), stale };
}

/** Lets in some more. A set that is new gets rules only when all of its elements are there. */
export function letIn(
  ns: Netns,
  { device, family }: Guarded,
  { addresses, tell }: Admission,
): void {
  const set = setOf(device, family);
  const add = (piece: PackedAddresses) =>
    ensureElements(
      set,
      piece.map((address) => ({ key: { value: unpack(address) } })),
    );
  eachPart(addresses, CHUNK, (added) => {
    const requests = [newTable(table), newSet(set), ...pieces(added, add)];
    changeTables(ns, { questions: [], plan: () => requests });
  });
  if (tell) for (const address of addresses) tell(`let in ${inWords(address)}`);
}

function inWords(address: string): string {
  return formatAddress(unpack(address));
}

/** One request for each piece of a transaction. */
function pieces(all: PackedAddresses, requestOf: (piece: PackedAddresses) => Request) {
  const requests: Request[] = [];
  eachPart(all, PIECE, (piece) => requests.push(requestOf(piece)));
  return requests;
}

function eachPart(all: PackedAddresses, size: number, each: (part: PackedAddresses) => void): void {
  for (let at = 0; at < all.length; at += size) each(all.slice(at, at + size));
}

/* ---- the rules ---- */

/** Makes the chain as it is to be; true if it was not. */
function ensureRules(ns: Netns, guarded: Guarded): boolean {
  const { device, family } = guarded;
  const [set, other] = [setOf(device, family), setOf(device, family === 4 ? 6 : 4)];
  const [chain, rules] = [chainOf(device), rulesOf(guarded)];
  let isChanged = false;
  changeTables(ns, {
    questions: [getChain(chain), getSet(other)],
    plan: ([, otherSet]) => {
      isChanged = !hasRules(ns, chain, rules);
      if (!isChanged) return [];
      return [
        newTable(table),
        newSet(set),
        newChain(chain),
        delRule(chain),
        ...rules.map((rule) => newRule(chain, rule)),
        ...(isThere(otherSet) ? [delSet(other)] : []),
      ];
    },
  });
  return isChanged;
}

/** How many rules a chain has, by the answer to `getChain`. */
function rulesIn(answer: Outcome | undefined): number {
  if (!isThere(answer)) return 0;
  return decodeReply(answer, chainMessage).attributes?.use ?? 0;
}
