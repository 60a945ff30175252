/** Rules that choose a routing table: what `ip rule` reads and writes. Layout from linux/fib_rules.h. */

import { attr, attributes } from "../bytes/attributes.ts";
import { bytes, cstring, ip, u8, u32 } from "../bytes/scalar.ts";
import { message, struct } from "../bytes/struct.ts";
import { formatAddress, type IpAddress } from "../ip/address.ts";
import { familyNumber } from "./address.ts";
import { NLM_F_CREATE, NLM_F_EXCL, type Request, request } from "./message.ts";

export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;
const RTM_GETRULE = 34;

/** What a rule does with what it matches: the lookup goes on in its table. */
export const FR_ACT_TO_TBL = 1;

const fibRuleHeader = /* @__PURE__ */ struct("fib_rule_hdr", {
  family: u8,
  destinationLength: u8,
  sourceLength: u8,
  tos: u8,
  table: u8,
  reserved1: u8,
  reserved2: u8,
  action: u8,
  flags: u32,
});

/** One rule; what it matches besides addresses is only told to be there. */
export const policyRuleMessage = /* @__PURE__ */ message(
  fibRuleHeader,
  /* @__PURE__ */ attributes({
    source: attr(2, "FRA_SRC", ip),
    inputInterface: attr(3, "FRA_IIFNAME", cstring),
    priority: attr(6, "FRA_PRIORITY", u32),
    mark: attr(10, "FRA_FWMARK", u32),
    tunnel: attr(12, "FRA_TUN_ID", bytes),
    table: attr(15, "FRA_TABLE", u32),
    outputInterface: attr(17, "FRA_OIFNAME", cstring),
    l3mdev: attr(19, "FRA_L3MDEV", u8),
    users: attr(20, "FRA_UID_RANGE", bytes),
    protocol: attr(21, "FRA_PROTOCOL", u8),
    ipProtocol: attr(22, "FRA_IP_PROTO", u8),
    sourcePorts: attr(23, "FRA_SPORT_RANGE", bytes),
    destinationPorts: attr(24, "FRA_DPORT_RANGE", bytes),
  }),
);

/** A rule for what comes from one address: `priority` 0 leaves that to the kernel. */
export interface SourceRule {
  readonly source: IpAddress;
  readonly table: number;
  readonly priority: number;
  /** Who made it (linux/rtnetlink.h, RTPROT_*). */
  readonly protocol: number;
}

function ruleValue({ source, table, priority, protocol }: SourceRule, action: number) {
  return {
    header: {
      family: familyNumber(source),
      sourceLength: 8 * source.length,
      table: table < 256 ? table : 0,
      action,
    },
    attributes: {
      source,
      ...(priority ? { priority } : {}),
      protocol,
      ...(table >= 256 ? { table } : {}),
    },
  };
}

/** The rule in words, as errors show it. */
export function describeRule({ source, table }: Pick<SourceRule, "source" | "table">): string {
  return `rule from ${formatAddress(source)} lookup ${table}`;
}

/** Adds a rule; EEXIST if there is an equal one. The kernel puts it before all but its first. */
export function newRule(rule: SourceRule): Request {
  return request({
    what: () => `add ${describeRule(rule)}`,
    type: RTM_NEWRULE,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    codec: policyRuleMessage,
    value: ruleValue(rule, FR_ACT_TO_TBL),
  });
}

/** Deletes a rule; ENOENT if there is none. */
export function delRule(rule: SourceRule): Request {
  return request({
    what: () => `delete ${describeRule(rule)}`,
    type: RTM_DELRULE,
    codec: policyRuleMessage,
    value: ruleValue(rule, 0),
  });
}

/** Asks for the rules of a family; of every one, that of multicast routing as well, if it is 0. */
export function listRules(family = 0): Request {
  return request({
    what: "list rules",
    type: RTM_GETRULE,
    codec: policyRuleMessage,
    value: { header: { family } },
  });
}
