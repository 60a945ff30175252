/**
 * Forwarding to attachments as it stands in the filter table of iptables: each rule that is there
 * for one of them as a value that tells what it is for, and whose it is. A table may have thousands
 * of them: only those that matter are taken apart.
 */

import type { IpAddress } from "../../ip/address.ts";
import type { Held } from "../../net/holder.ts";
import { type Owner, ownerTexts } from "../../net/owner.ts";
import { FORWARD, STAGE_1, STAGE_2, textOf, USERS } from "./forward-rules.ts";
import { deletionOf, parseRule, rulesIn } from "./rule.ts";
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

/** The rules of all attachments. */
export function allRules(lines: readonly string[]): readonly AttachmentRule[] {
  return lines.filter(isForAttachment).map(parseAttachmentRule);
}

const beginnings = [`-A ${FORWARD} -d `, `-A ${FORWARD} -s `, `-A ${USERS} -i `];

function isForAttachment(line: string): boolean {
  return beginnings.some((beginning) => line.startsWith(beginning));
}

/** The rules of an owner. */
export function rulesOfOwner(lines: readonly string[], owner: Owner): readonly AttachmentRule[] {
  const texts = ownerTexts(owner);
  const marked = lines.filter((line) => texts.some((text) => line.includes(text)));
  return allRules(marked).filter(({ held }) => held && texts.includes(held.comment));
}

/** The rules that accept packets of one of these addresses. */
export function rulesFor(
  lines: readonly string[],
  addresses: readonly IpAddress[],
): readonly AttachmentRule[] {
  const texts = addresses.map(textOf);
  const rules = allRules(lines.filter((line) => texts.some((text) => line.includes(` ${text} `))));
  return rules.filter(({ address }) => address !== undefined && texts.includes(address));
}

function parseAttachmentRule(line: string): AttachmentRule {
  const rule = parseRule(line);
  const [, value] = rule.words;
  const isAccepting = rule.chain === FORWARD;
  const [address, bridge] = isAccepting ? [value, undefined] : [undefined, value];
  return { line, address, bridge, held: heldBy(rule) };
}

/** What rules have noted of where their owners are found. */
export function notesOf(rules: readonly AttachmentRule[]): readonly string[] {
  return rules.flatMap(({ held }) => held?.holder ?? []);
}

/** The lines that delete rules, and what isolates a bridge that nobody uses any more. */
export function removalOf(
  lines: readonly string[],
  stale: readonly AttachmentRule[],
): readonly string[] {
  const gone = stale.map(({ line }) => line);
  const free = freeBridges(lines, stale);
  const isolating = lines.filter((line) => free.some((bridge) => isolates(line, bridge)));
  return [...gone, ...isolating].map(deletionOf);
}

function freeBridges(
  lines: readonly string[],
  stale: readonly AttachmentRule[],
): readonly string[] {
  const gone = new Set(stale.map(({ line }) => line));
  const users = allRules(rulesIn(lines, USERS).filter((line) => !gone.has(line)));
  const used = new Set(users.map(({ bridge }) => bridge));
  return stale.flatMap(({ bridge }) => bridge ?? []).filter((bridge) => !used.has(bridge));
}

function isolates(line: string, bridge: string): boolean {
  return (
    line.startsWith(`-A ${STAGE_1} -i ${bridge} `) || line.startsWith(`-A ${STAGE_2} -o ${bridge} `)
  );
}
