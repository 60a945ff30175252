/**
 * Masquerade by iptables, under the names the reference plugins use: a chain for each container
 * and network, to which POSTROUTING sends what comes from the container's addresses.
 */

import { type Family, family, type IpAddress } from "../../ip/address.ts";
import { type Cidr, formatCidr, hostCidr, networkOf } from "../../ip/cidr.ts";
import type { Netns } from "../../net/netns.ts";
import { type Owner, quotedNames, quotedNetwork, RULE_COMMENT_SIZE } from "../../net/owner.ts";
import { chainName, isChainName } from "../reference/names.ts";
import { hasNatTable } from "../reference/tables.ts";
import {
  deletionOf,
  type Flavour,
  findNatTable,
  hasChain,
  IptablesError,
  quoted,
  requireTable,
  type Table,
} from "./iptables.ts";

const families: readonly Family[] = [4, 6];
const groups = { 4: "224.0.0.0/4", 6: "ff00::/8" };

/** True if the programs are installed. */
export function hasIptables(host: Netns): boolean {
  return findNatTable(host, 4, "default") !== undefined;
}

/** Masquerades what comes from these addresses and leaves their subnets. */
export function addMasquerade(host: Netns, owner: Owner, addresses: readonly Cidr[]): void {
  for (const of of families) {
    const own = addresses.filter(({ address }) => family(address) === of);
    if (own.length > 0) addRules(natTable(host, of), rulesFor(owner, of, own));
  }
}

function natTable(host: Netns, of: Family): Table {
  return requireTable(host, "nat", { family: of, flavour: "default" });
}

/** The rules of an attachment, as iptables-save writes them. */
interface Rules {
  readonly chain: string;
  /** What stays inside the subnets is accepted, all of it before the rest is masqueraded. */
  readonly accepted: readonly string[];
  readonly masqueraded: string;
  readonly jumps: readonly string[];
}

function rulesFor(owner: Owner, of: Family, addresses: readonly Cidr[]): Rules {
  const chain = chainName(owner);
  const comment = commentOf(owner);
  return {
    chain,
    accepted: addresses.map(
      (cidr) => `-A ${chain} -d ${formatCidr(networkOf(cidr))} ${comment} -j ACCEPT`,
    ),
    masqueraded: `-A ${chain} ! -d ${groups[of]} ${comment} -j MASQUERADE`,
    jumps: addresses.map(
      ({ address }) => `-A POSTROUTING ${sourceOf(address)} ${comment} -j ${chain}`,
    ),
  };
}

function commentOf(owner: Owner): string {
  return `-m comment --comment "${quoted(quotedNames(owner, RULE_COMMENT_SIZE))}"`;
}

function sourceOf(address: IpAddress): string {
  return `-s ${formatCidr(hostCidr(address))}`;
}

/** Most often the chain is new, and one run does it; -N is refused if it is there already. */
function addRules(table: Table, rules: Rules): void {
  const { chain, accepted, masqueraded, jumps } = rules;
  try {
    table.change([`-N ${chain}`, ...accepted, masqueraded, ...jumps]);
  } catch (cause) {
    if (!(cause instanceof IptablesError)) throw cause;
    const found = table.list();
    if (!hasChain(found, chain)) throw cause;
    addToChain(table, rules, found);
  }
}

/** The chain serves another interface of the container, or is left over: it is written anew. */
function addToChain(table: Table, rules: Rules, found: readonly string[]): void {
  const { chain, masqueraded } = rules;
  const kept = found.filter((line) => line.startsWith(`-A ${chain} `) && line !== masqueraded);
  table.change([
    `:${chain} - [0:0]`,
    ...new Set([...kept, ...rules.accepted]),
    masqueraded,
    ...rules.jumps.filter((line) => !found.includes(line)),
  ]);
}

/** What an attachment's masquerade lacks, in words; undefined if it is complete. */
export function checkMasquerade(
  host: Netns,
  owner: Owner,
  addresses: readonly Cidr[],
): string | undefined {
  for (const of of families) {
    const own = addresses.filter(({ address }) => family(address) === of);
    const missing = own.length > 0 && findMissing(host, rulesFor(owner, of, own), of);
    if (missing) return missing;
  }
  return undefined;
}

function findMissing(host: Netns, rules: Rules, of: Family): string | undefined {
  const found = hasNatTable(host, of) ? natTable(host, of).list() : [];
  const wanted = [...rules.accepted, rules.masqueraded, ...rules.jumps];
  const missing = wanted.find((line) => !found.includes(line));
  if (missing) return `the nat table has no rule ${missing}`;
  const end = found.indexOf(rules.masqueraded);
  const late = rules.accepted.find((line) => found.indexOf(line) > end);
  return late && `the nat table has the rule ${late} too late`;
}

/** Which rules are meant: those of an owner's addresses, or all of the owner if none is known. */
interface Removal {
  readonly owner: Owner;
  readonly known: readonly IpAddress[];
  readonly flavour: Flavour;
}

/** Ends the masquerade of an attachment; none is fine. */
export function deleteMasquerade(host: Netns, owner: Owner, known: readonly IpAddress[]): void {
  deleteRules(host, { owner, known, flavour: "default" });
}

/** As `deleteMasquerade`, by the programs of a flavour. */
export function deleteRules(host: Netns, { owner, known, flavour }: Removal): void {
  for (const of of families) {
    const own = known.filter((address) => family(address) === of);
    if (known.length > 0 && own.length === 0) continue;
    const table = hasNatTable(host, of) ? findNatTable(host, of, flavour) : undefined;
    if (table) deleteFrom(table, owner, own);
  }
}

function deleteFrom(table: Table, owner: Owner, known: readonly IpAddress[]): void {
  const chain = chainName(owner);
  const found = table.list();
  const jumps = jumpsTo(chain, found);
  const isOwn = (line: string) => known.some((address) => line.includes(` ${sourceOf(address)} `));
  const own = known.length > 0 ? jumps.filter(isOwn) : jumps;
  const removed = own.map(deletionOf);
  const isShared = own.length < jumps.length;
  const lines = isShared || !hasChain(found, chain) ? removed : [...removed, ...endOf(chain)];
  if (lines.length > 0) table.change(lines);
}

function jumpsTo(chain: string, found: readonly string[]): readonly string[] {
  return found.filter(
    (line) => line.startsWith("-A POSTROUTING ") && line.endsWith(` -j ${chain}`),
  );
}

function endOf(chain: string): readonly string[] {
  return [`-F ${chain}`, `-X ${chain}`];
}

/** Ends the masquerade of all attachments of a network but the valid ones. */
export function collectMasquerade(host: Netns, network: string, valid: readonly Owner[]): void {
  collectRules(host, { network, valid, flavour: "default" });
}

/** Which rules are meant: those of a network whose owners are not valid. */
interface Collection {
  readonly network: string;
  readonly valid: readonly Owner[];
  readonly flavour: Flavour;
}

/** As `collectMasquerade`, by the programs of a flavour. */
export function collectRules(host: Netns, { network, valid, flavour }: Collection): void {
  const kept = new Set(valid.map(chainName));
  for (const of of families) {
    const table = hasNatTable(host, of) ? findNatTable(host, of, flavour) : undefined;
    if (table) collectFrom(table, network, kept);
  }
}

function collectFrom(table: Table, network: string, kept: ReadonlySet<string>): void {
  const found = table.list();
  const marks = quotedNetwork(network).map((names) => `--comment "${quoted(names)}`);
  const targets = found
    .filter((line) => marks.some((mark) => line.includes(mark)))
    .map((line) => line.slice(line.lastIndexOf(" ") + 1));
  const stale = Array.from(new Set(targets)).filter(
    (chain) => isChainName(chain) && !kept.has(chain),
  );
  if (stale.length === 0) return;
  table.change([
    ...stale.flatMap((chain) => jumpsTo(chain, found)).map(deletionOf),
    ...stale.flatMap(endOf),
  ]);
}
