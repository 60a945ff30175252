/**
 * sbr: what comes from a link's addresses goes by routes of that link, whatever others there are.
 *
 *   container   rule   from 10.1.2.2      lookup 100
 *               rule   from fd00:1::2     lookup 101
 *               table  100   default via 10.1.2.1 dev eth1,  10.1.2.0/24 dev eth1
 *               table  101   default via fd00:1::1 dev eth1, fd00:1::/64 dev eth1
 *               table  main  the routes of eth0, and no longer those of eth1
 *
 * An answer leaves by the interface that the question came by, also where both have a default route.
 * Rules and tables go with the container; nothing is made on the host.
 */

import type { AddCall, Chained, DelCall, StatusCall } from "../../lib/cni/call.ts";
import { isOthersLink } from "../../lib/cni/host-end.ts";
import type { Result } from "../../lib/cni/result.ts";
import { chainedPlugin } from "../../lib/cni/run.ts";
import { allOrNothing, asMuchAsPossible } from "../../lib/cni/undo.ts";
import { requireReady } from "../../lib/cni/verdict.ts";
import { formatAddress } from "../../lib/ip/address.ts";
import { findLink, getLink } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { deleteRuleIfPresent, isOwnRule, ruleFault, type SourceRule } from "../../lib/net/rule.ts";
import { isReservedTable, listTableRoutes, routesBy } from "../../lib/net/table.ts";
import { check } from "./check.ts";
import { claimTable, ensureRule } from "./claim.ts";
import { parseSbrConfig, type SbrConfig } from "./config.ts";
import { listLeft } from "./left.ts";
import { carryOut, giveBack } from "./move.ts";
import { planMove } from "./plan.ts";
import * as schema from "./sbr.schema.json";
import { type Source, sourcesOf } from "./source.ts";

type Add = Chained<AddCall<SbrConfig>>;

function add(call: Add, _host: Netns, container: Netns): Result {
  const sources = sourcesOf(call);
  if (call.config.table === undefined) giveTables(call, container, sources);
  else leadToTable(call, container, sources);
  return call.prevResult;
}

/** Each address gets a table of its own, and the link's routes move there. */
function giveTables(call: Add, container: Netns, sources: readonly Source[]): void {
  const { attachment, config } = call;
  const link = getLink(container, attachment.ifName);
  allOrNothing((undo) => {
    const tabled = sources.map((source) => ({
      ...source,
      table: claimTable(container, { address: source.cidr.address, link, undo }),
    }));
    const routes = routesBy(listTableRoutes(container), link);
    const { addSourceHints } = config;
    carryOut(container, planMove({ link, routes, sources: tabled, addSourceHints }), undo);
  });
}

/** Rules alone: what is in the configured table is for others to say. */
function leadToTable(call: Add, container: Netns, sources: readonly Source[]): void {
  allOrNothing((undo) => {
    for (const { cidr } of sources) ensureRule(call, container, { address: cidr.address, undo });
  });
}

/**
 * Without the namespace nothing is left, nor where its path leads to another pod. Rules go last: by them a repeated DEL finds the tables whose
 * routes are to be given back.
 */
function del(call: DelCall<SbrConfig>, host: Netns, container: Netns | undefined): void {
  if (!container) return;
  const link = findLink(container, call.attachment.ifName);
  if (link && isOthersLink(call, host, link)) return;
  const rules = listLeft(call, container, link);
  const tables = call.config.table === undefined ? tablesOf(rules) : [];
  if (link && tables.length > 0) giveBack(container, link, tables);
  asMuchAsPossible(...rules.map((rule) => removal(container, rule)));
}

/** The tables that ADD has filled. */
function tablesOf(rules: readonly SourceRule[]): readonly number[] {
  const own = rules.filter(isOwnRule).map(({ table }) => table);
  return own.filter((table) => !isReservedTable(table));
}

function removal(container: Netns, rule: SourceRule) {
  const what = `delete the rule from ${formatAddress(rule.source)}`;
  return [what, () => deleteRuleIfPresent(container, rule)] as const;
}

function status(_call: StatusCall<SbrConfig>, host: Netns): void {
  requireReady("route by source", ruleFault(host));
}

export const { main, handle, configuration } = chainedPlugin<SbrConfig>({
  name: "sbr",
  reference: "1.9.1",
  schema,
  parseConfig: parseSbrConfig,
  add,
  check,
  del,
  /** Rules and tables are in the container's namespace, which GC is not told, and go with it. */
  gc: () => {},
  status,
});
