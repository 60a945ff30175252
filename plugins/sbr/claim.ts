/**
 * A table for an address. The rule that leads to a table is the claim to it: it is made first, and
 * whoever finds another's rule to the same table, older than the own one, looks for another table.
 */

import type { AddCall } from "../../lib/cni/call.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import type { Undo } from "../../lib/cni/undo.ts";
import { equalAddresses, formatAddress, type IpAddress } from "../../lib/ip/address.ts";
import type { LinkRef } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import {
  addSourceRule,
  deleteOwnRule,
  listRules,
  type SourceRule,
  sourceRulesOf,
} from "../../lib/net/rule.ts";
import { freeTable, isReservedTable, readRouting } from "../../lib/net/table.ts";
import type { SbrConfig } from "./config.ts";
import { hasOtherRoutes, type Place, rulesFor } from "./source.ts";

/** The first table that is chosen, as by the reference plugin. */
const FIRST_TABLE = 100;
/** How often others may be quicker. */
const ATTEMPTS = 32;

/** What is claimed for. */
export interface Claim {
  readonly address: IpAddress;
  readonly undo: Undo;
}

/** The table that an address has, or a free one with a rule that leads there from now on. */
export function claimTable(
  container: Netns,
  { address, link, undo }: Claim & { readonly link: LinkRef },
): number {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const routing = readRouting(container);
    const place = { routing, link, table: undefined };
    const [found] = rulesFor(address, place);
    if (found) return requireOwnTable(found, place);
    const rule = { source: address, table: freeTable(container, routing, FIRST_TABLE) };
    makeRule(container, rule, undo);
    if (isFirstClaim(container, rule)) return rule.table;
    deleteOwnRule(container, rule);
  }
  const state = "others take every table that is found free";
  throw new CniError(Code.tryAgain, `Cannot find a routing table for ${at(address)}: ${state}`);
}

interface NewRule {
  readonly source: IpAddress;
  readonly table: number;
}

/** Makes a rule of ours, which a failed ADD takes back. */
export function makeRule(container: Netns, rule: NewRule, undo: Undo): void {
  undo.step(
    `rule from ${at(rule.source)}`,
    () => addSourceRule(container, rule),
    () => deleteOwnRule(container, rule),
  );
}

/**
 * Of rules to one table the oldest has the highest number: the kernel puts each before the last. It
 * numbers each family's by themselves, and tables of two families are two, whatever their number.
 */
function isFirstClaim(container: Netns, { source, table }: NewRule): boolean {
  const rules = sourceRulesOf(listRules(container)).filter(
    (rule) => rule.table === table && rule.source.length === source.length,
  );
  const own = rules.find((rule) => equalAddresses(rule.source, source));
  const others = rules.filter((rule) => !equalAddresses(rule.source, source));
  return own !== undefined && others.every(({ priority }) => priority < own.priority);
}

/** Two links with one address cannot both be chosen by it, and no routes go to the kernel's tables. */
function requireOwnTable(rule: SourceRule, place: Place): number {
  const { source, table } = rule;
  if (!isReservedTable(table) && !hasOtherRoutes(rule, place)) return table;
  const state = `a rule leads to table ${table} already, which is not for this interface alone`;
  throw new CniError(Code.conflict, `Cannot route by source from ${at(source)}: ${state}`);
}

/** The configured table: a rule that leads from an address to another one is in the way. */
export function ensureRule({ config }: AddCall<SbrConfig>, container: Netns, claim: Claim): void {
  const { address, undo } = claim;
  const table = config.table ?? 0;
  const routing = { rules: listRules(container), routes: [] };
  const found = rulesFor(address, { routing, link: undefined, table });
  if (found.some((rule) => rule.table === table)) return;
  const [other] = found;
  if (other) {
    const state = `a rule leads to table ${other.table} already`;
    const what = `route from ${at(address)} by table ${table}`;
    throw new CniError(Code.conflict, `Cannot ${what}: ${state}`);
  }
  makeRule(container, { source: address, table }, undo);
}

function at(address: IpAddress): string {
  return formatAddress(address);
}
