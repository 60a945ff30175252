/**
 * Forwarding to attachments as it stands in the filter table of iptables: each rule that is there
 * for one of them as a value that tells what it is for, and whose it is.
 */

import type { IpAddress } from "../../ip/address.ts";
import type { Held } from "../../net/holder.ts";
import { type Owner, ownerTexts } from "../../net/owner.ts";
import { FORWARD, STAGE_1, STAGE_2, textOf, USERS } from "./forward-rules.ts";
import { deletionOf, parseRule, type Rule, rulesIn } from "./rule.ts";
import { heldBy } from "./rule-notes.ts";

/** A rule that is there for one attachment, in CNI-FORWARD or CNI-ISOLATION-USERS. */
export interface AttachmentRule {
  readonly line: string;
  /** The address whose packets it accepts, as iptables shows it: `10.1.2.3/32`. */
  readonly address: string | undefined;
  /** The bridge on which it says that the attachment is. */
  readonly bridge: string | undefined;
  /** Whose it is; undefined in rules of the reference plugin, which have no comment. */
  readonly held: Held | undefined;
}

/** The table's lines, and which of them are for attachments. */
export interface FoundForwarding {
  readonly lines: readonly string[];
  readonly rules: readonly AttachmentRule[];
}

/** Reads the lines of the filter table. */
export function readForwarding(lines: readonly string[]): FoundForwarding {
  const accepts = rulesIn(lines, FORWARD).map(parseRule);
  const users = rulesIn(lines, USERS).map(parseRule);
  const rules = [
    ...accepts.filter(({ words: [end] }) => end === "-d" || end === "-s"),
    ...users.filter(({ words: [option] }) => option === "-i"),
  ];
  return { lines, rules: rules.map(toAttachmentRule) };
}

function toAttachmentRule(rule: Rule): AttachmentRule {
  const { line, chain, words } = rule;
  const [address, bridge] = chain === FORWARD ? [words[1], undefined] : [undefined, words[1]];
  return { line, address, bridge, held: heldBy(rule) };
}

/** A test for the rules of an owner. */
export function isOwnedBy(owner: Owner): (rule: AttachmentRule) => boolean {
  const texts = ownerTexts(owner);
  return ({ held }) => held !== undefined && texts.includes(held.comment);
}

/** True if a rule accepts packets of one of these addresses. */
export function isForOneOf({ address }: AttachmentRule, addresses: readonly IpAddress[]): boolean {
  return address !== undefined && addresses.map(textOf).includes(address);
}

/** What rules have noted of where their owners are found. */
export function notesOf(rules: readonly AttachmentRule[]): readonly string[] {
  return rules.flatMap(({ held }) => held?.holder ?? []);
}

/** The lines that delete rules, and what isolates a bridge that nobody uses any more. */
export function removalOf(
  { lines, rules }: FoundForwarding,
  stale: readonly AttachmentRule[],
): readonly string[] {
  const gone = new Set(stale);
  const left = new Set(bridgesOf(rules.filter((rule) => !gone.has(rule))));
  const free = bridgesOf(stale).filter((bridge) => !left.has(bridge));
  const isolating = lines.filter((line) => free.some((bridge) => isolates(line, bridge)));
  return [...stale.map(({ line }) => line), ...isolating].map(deletionOf);
}

function bridgesOf(rules: readonly AttachmentRule[]): readonly string[] {
  return rules.flatMap(({ bridge }) => bridge ?? []);
}

function isolates(line: string, bridge: string): boolean {
  return (
    line.startsWith(`-A ${STAGE_1} -i ${bridge} `) || line.startsWith(`-A ${STAGE_2} -o ${bridge} `)
  );
}
