/**
 * Masquerade by iptables, under the names the reference plugins use: a chain for each container
 * and network, to which POSTROUTING sends what comes from the container's addresses.
 */

import { type Family, family, type IpAddress } from "../../ip/address.ts";
import { type Cidr, formatCidr, hostCidr, networkOf } from "../../ip/cidr.ts";
import { collect, type Marked, type Shelf } from "../../net/inventory.ts";
import type { Netns } from "../../net/netns.ts";
import { type Owner, quotedNames, quotedNetwork, RULE_COMMENT_SIZE } from "../../net/owner.ts";
import { chainName, isChainName } from "../reference/names.ts";
import { hasNatTable } from "../reference/tables.ts";
import { type Flavour, findNatTable, IptablesError, requireTable, type Table } from "./iptables.ts";
import { comment, deletionOf, hasChain, jumpsTo, optionOf, parseRule, rulesIn } from "./rule.ts";

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
  const mark = comment(quotedNames(owner, RULE_COMMENT_SIZE));
  return {
    chain,
    accepted: addresses.map(
      (cidr) => `-A ${chain} -d ${formatCidr(networkOf(cidr))} ${mark} -j ACCEPT`,
    ),
    masqueraded: `-A ${chain} ! -d ${groups[of]} ${mark} -j MASQUERADE`,
    jumps: addresses.map(
      ({ address }) => `-A POSTROUTING ${sourceOf(address)} ${mark} -j ${chain}`,
    ),
  };
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
  const kept = rulesIn(found, chain).filter((line) => line !== masqueraded);
  table.change([
    `:${chain} - [0:0]`,
    ...new Set([...kept, ...rules.accepted]),
    masqueraded,
    ...rules.jumps.filter((line) => !found.includes(line)),
  ]);
}

/** What an attachment's masquerade lacks, in words; undefined if it is complete. */
export function findMasqueradeFault(
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

/** Ends the masquerade of an attachment, by the programs of a flavour; none is fine. */
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
  const jumps = sourceJumps(found, chain);
  const isOwn = (line: string) => known.some((address) => line.includes(` ${sourceOf(address)} `));
  const own = known.length > 0 ? jumps.filter(isOwn) : jumps;
  const isLast = own.length === jumps.length;
  table.change([...own.map(deletionOf), ...(isLast && hasChain(found, chain) ? endOf(chain) : [])]);
}

function sourceJumps(found: readonly string[], chain: string): readonly string[] {
  return jumpsTo(rulesIn(found, "POSTROUTING"), chain);
}

function endOf(chain: string): readonly string[] {
  return [`-F ${chain}`, `-X ${chain}`];
}

/** Which rules are meant: those of a network whose owners are not valid. */
interface Collection {
  readonly network: string;
  readonly valid: readonly Owner[];
  readonly flavour: Flavour;
}

/** Ends the masquerade of all attachments of a network but the valid ones. */
export function collectRules(host: Netns, { network, valid, flavour }: Collection): void {
  for (const shelf of masqueradeShelves(host, flavour)) collect(shelf, network, valid);
}

/** A container's chain, and all that its table had when it was found. */
interface OwnedChain extends Marked {
  readonly found: readonly string[];
}

/** The chains of all containers, of each family. */
export function masqueradeShelves(host: Netns, flavour: Flavour): readonly Shelf<OwnedChain>[] {
  return families.flatMap((of) => {
    const table = hasNatTable(host, of) ? findNatTable(host, of, flavour) : undefined;
    return table ? [shelfOf(table)] : [];
  });
}

function shelfOf(table: Table): Shelf<OwnedChain> {
  return {
    kind: "rule",
    list: (network) => {
      const found = table.list();
      return chainsOf(found, network).map((mark) => ({ mark, found }));
    },
    marksOf: (owner) => [chainName(owner)],
    inWords: ({ mark }) => `chain ${mark} in the ${table.inWords}`,
    remove: (owned) =>
      table.change([
        ...owned.flatMap(({ mark, found }) => sourceJumps(found, mark)).map(deletionOf),
        ...owned.flatMap(({ mark }) => endOf(mark)),
      ]),
  };
}

/** The chains of a network: the comments of the jumps to them have its name. */
function chainsOf(found: readonly string[], network: string): readonly string[] {
  const names = quotedNetwork(network);
  const jumps = rulesIn(found, "POSTROUTING")
    .map(parseRule)
    .filter(({ comments: [first = ""] }) => names.some((name) => first.startsWith(name)));
  const targets = jumps.map((rule) => optionOf(rule, "-j") ?? "");
  return Array.from(new Set(targets)).filter(isChainName);
}
