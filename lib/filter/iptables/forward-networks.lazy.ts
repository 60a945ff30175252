/**
 * Forwarding of whole networks, in chains of iptables as flannel has them:
 *
 *   FORWARD       jumps to CNI-OVERLAY, last: whatever denies by a rule of its own comes before
 *   CNI-OVERLAY   two rules for each subnet: accept what comes from it, and what goes to it
 *
 * A rule has the network as its comment.
 */

import { family } from "../../ip/address.ts";
import { type Cidr, formatCidr } from "../../ip/cidr.ts";
import type { Netns } from "../../net/netns.ts";
import { sharedComment } from "../../net/owner.ts";
import { filterFlavours } from "./flavours.ts";
import { type Flavour, findTable, lockTables, requireTable, type Table } from "./iptables.ts";
import { comment, deletionOf, hasChain, newChains, parseRule, rulesIn } from "./rule.ts";

const CHAIN = "CNI-OVERLAY";
const JUMP = `-A FORWARD ${comment("networks of many hosts")} -j ${CHAIN}`;

/** A subnet, and tables of iptables that would drop what comes from it or goes to it. */
export interface Closed {
  readonly subnet: Cidr;
  readonly flavour: Flavour;
}

/** Adds the rules of a network that are missing; true if some were. */
export function ensureRules(host: Netns, name: string, closed: Closed): boolean {
  return lockTables(() => {
    const table = filterTable(host, closed);
    const lines = difference(table.list(), name, closed.subnet);
    table.change(lines);
    return lines.length > 0;
  });
}

function filterTable(host: Netns, { subnet, flavour }: Closed): Table {
  return requireTable(host, "filter", { family: family(subnet.address), flavour });
}

/** What makes the rules of a network right. */
function difference(found: readonly string[], name: string, subnet: Cidr): readonly string[] {
  const wanted = rulesFor(name, subnet);
  const stale = rulesOf(found, name).filter((line) => !wanted.includes(line));
  return [
    ...newChains(found, [CHAIN]),
    ...stale.map(deletionOf),
    ...[JUMP, ...wanted].filter((line) => !found.includes(line)),
  ];
}

function rulesFor(name: string, subnet: Cidr): readonly string[] {
  const text = formatCidr(subnet);
  const mark = comment(sharedComment(name));
  return ["-s", "-d"].map((end) => `-A ${CHAIN} ${end} ${text} ${mark} -j ACCEPT`);
}

function rulesOf(found: readonly string[], name: string): readonly string[] {
  const mark = sharedComment(name);
  const rules = rulesIn(found, CHAIN).map(parseRule);
  return rules.filter(({ comments }) => comments.includes(mark)).map(({ line }) => line);
}

/** What is missing of a network's rules, in words. */
export function findRuleFault(host: Netns, name: string, closed: Closed): string | undefined {
  const found = filterTable(host, closed).list();
  const missing = [JUMP, ...rulesFor(name, closed.subnet)].find((line) => !found.includes(line));
  const of = family(closed.subnet.address);
  return missing && `the filter table of IPv${of} has no rule ${missing}`;
}

/** Takes back the rules of a network; the chain goes with the last of them. */
export function deleteRules(host: Netns, name: string): void {
  for (const of of [4, 6] as const) {
    for (const flavour of filterFlavours(host, of)) {
      const table = findTable(host, "filter", { family: of, flavour });
      if (table) lockTables(() => removeFrom(table, name));
    }
  }
}

function removeFrom(table: Table, name: string): void {
  const found = table.list();
  if (hasChain(found, CHAIN)) table.change(removal(found, name));
}

function removal(found: readonly string[], name: string): readonly string[] {
  const own = rulesOf(found, name);
  const isLast = rulesIn(found, CHAIN).length === own.length;
  const jumps = found.filter((line) => line === JUMP);
  return [...own.map(deletionOf), ...(isLast ? [...jumps.map(deletionOf), `-X ${CHAIN}`] : [])];
}
