/**
 * Rules by which the kernel chooses a routing table. Those that are ours name this suite as their
 * maker (FRA_PROTOCOL, Linux 4.17); who made any other cannot be told by the rule alone.
 */

import type { ReadOf } from "../bytes/layout.ts";
import { EAFNOSUPPORT, EEXIST, ENOENT, EOPNOTSUPP } from "../host/errno.ts";
import type { IpAddress } from "../ip/address.ts";
import { AF_INET, AF_INET6 } from "../netlink/address.ts";
import { isRefusal } from "../netlink/error.ts";
import { RTPROT_WEFT } from "../netlink/route.ts";
import * as netlink from "../netlink/rule.ts";
import type { Netns } from "./netns.ts";

/** A rule as the kernel shows it. */
export interface Rule {
  /** 0 for a rule that leads to no table of its own. */
  readonly table: number;
  /** The one address that it is for, if it matches that and nothing else. */
  readonly source: IpAddress | undefined;
  readonly priority: number;
  readonly protocol: number;
}

/** A rule for all that comes from one address. */
export type SourceRule = netlink.SourceRule;

/** All rules of IPv4 and IPv6, in the kernel's order. */
export function listRules(ns: Netns): Rule[] {
  return ns.route
    .dump(netlink.listRules(), netlink.policyRuleMessage)
    .filter(({ header }) => header.family === AF_INET || header.family === AF_INET6)
    .map(toRule);
}

/** Those of them that are for one address each. */
export function sourceRulesOf(rules: readonly Rule[]): SourceRule[] {
  return rules.flatMap(({ source, ...rest }) => (source ? [{ ...rest, source }] : []));
}

function toRule(message: ReadOf<typeof netlink.policyRuleMessage>): Rule {
  const { header, attributes } = message;
  return {
    table: attributes.table ?? header.table,
    source: isForSource(message) ? attributes.source : undefined,
    priority: attributes.priority ?? 0,
    protocol: attributes.protocol ?? 0,
  };
}

/** True if a rule leads all from one address to a table, and asks for nothing else. */
function isForSource({ header, attributes }: ReadOf<typeof netlink.policyRuleMessage>): boolean {
  const { source, table: _table, priority: _priority, protocol: _protocol, ...more } = attributes;
  const isWhole = source !== undefined && header.sourceLength === 8 * source.length;
  const asksMore = header.destinationLength !== 0 || header.tos !== 0 || header.flags !== 0;
  const leads = header.action === netlink.FR_ACT_TO_TBL;
  return leads && isWhole && !asksMore && Object.keys(more).length === 0;
}

/** True if this suite made a rule. */
export function isOwnRule({ protocol }: Pick<Rule, "protocol">): boolean {
  return protocol === RTPROT_WEFT;
}

/** True if a rule names no maker, as those of the reference plugins. */
export function isUnsignedRule({ protocol }: Pick<Rule, "protocol">): boolean {
  return protocol === 0;
}

/** Makes a rule of ours, before all but the kernel's first; an equal one is fine. */
export function addSourceRule(ns: Netns, rule: Pick<SourceRule, "source" | "table">): void {
  const request = netlink.newRule({ ...rule, priority: 0, protocol: RTPROT_WEFT });
  ns.route.perform({ ...request, tolerates: [EEXIST] });
}

/** Deletes the very rule that was found; one that is gone is fine. */
export function deleteRuleIfPresent(ns: Netns, rule: SourceRule): void {
  ns.route.perform({ ...netlink.delRule(rule), tolerates: [ENOENT] });
}

/** Deletes a rule of ours from an address to a table; none is fine. */
export function deleteOwnRule(ns: Netns, rule: Pick<SourceRule, "source" | "table">): void {
  const request = netlink.delRule({ ...rule, priority: 0, protocol: RTPROT_WEFT });
  ns.route.perform({ ...request, tolerates: [ENOENT] });
}

/** Why this kernel cannot choose tables by rules, in words; undefined if it can. */
export function ruleFault(ns: Netns): string | undefined {
  try {
    ns.route.dump(netlink.listRules(AF_INET), netlink.policyRuleMessage);
    return undefined;
  } catch (cause) {
    if (!isRefusal(cause, EAFNOSUPPORT, EOPNOTSUPP)) throw cause;
    return "this kernel was built without routing rules (CONFIG_IP_MULTIPLE_TABLES)";
  }
}
