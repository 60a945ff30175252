/**
 * Forwarding by iptables, in the chains the reference plugins use:
 *
 *   FORWARD                  jumps to CNI-ISOLATION-STAGE-1, then to CNI-FORWARD
 *   CNI-FORWARD              jumps to CNI-ADMIN, then two rules for each address: accept what it
 *                            sends, what answers it, and what a port of the host leads to it
 *   CNI-ISOLATION-STAGE-1    from a bridge with a policy elsewhere: to CNI-ISOLATION-STAGE-2
 *   CNI-ISOLATION-STAGE-2    to a bridge with a policy: drop
 *   CNI-ISOLATION-USERS      nothing leads here: which attachment is on which of these bridges
 *
 * A rule of an attachment has the owner as its comment, and a second one that tells where it is
 * found. The rules for a bridge go with its last user.
 */

import { type Family, family, formatAddress, type IpAddress } from "../../ip/address.ts";
import { parseCidr } from "../../ip/cidr.ts";
import { heldByAnother, livingFinder } from "../../net/holder.ts";
import type { Netns } from "../../net/netns.ts";
import { isOfNetwork, type Owner, ownerTexts } from "../../net/owner.ts";
import type { Forwarded } from "../forwarding.ts";
import { forwardFlavours } from "./flavours.ts";
import {
  FORWARD,
  type IptablesForwarding,
  type Part,
  REFERENCE_STATES,
  type SharedRule,
  STAGE_1,
  STAGE_2,
  STATES,
  textOf,
  USERS,
  wantedFor,
} from "./forward-rules.ts";
import {
  deletionOf,
  findTable,
  hasChain,
  IptablesError,
  lockTables,
  requireTable,
  type Table,
} from "./iptables.ts";
import { ruleComment as comment, heldBy, withoutNote } from "./rule-notes.ts";

/**
 * Accepts what the addresses send, are answered and are asked by ports; isolates their bridge. Throws
 * NetError (conflict) if another attachment has rules for one of the addresses, and lives.
 */
export function addForwarding(host: Netns, forwarding: IptablesForwarding): void {
  for (const part of partsOf(forwarding)) lockTables(() => addRules(host, part));
}

function partsOf({ filters, addresses, ...rest }: IptablesForwarding): readonly Part[] {
  return filters
    .map((filter) => {
      const own = addresses.filter((address) => family(address) === filter.of);
      return { ...rest, filter, addresses: own };
    })
    .filter((part) => part.addresses.length > 0);
}

function tableOf(host: Netns, { filter: { of, flavour } }: Part): Table {
  return requireTable(host, "filter", { family: of, flavour });
}

function addRules(host: Netns, part: Part): void {
  const table = tableOf(host, part);
  const { chains, shared, own } = wantedFor(part);
  const found = listFor(table, part);
  const lost = shared.filter((rule) => !isInPlace(found, rule));
  const former = part.filter.accepts ? formerRules(found, part) : [];
  refuseLiving(host, part, former);
  const lines = [
    ...chains.filter((chain) => !hasChain(found, chain)).map((chain) => `-N ${chain}`),
    ...former.filter((line) => !own.includes(line)).map(deletionOf),
    ...lost.filter((rule) => found.includes(lineOf(rule))).map((rule) => deletionOf(lineOf(rule))),
    ...lost.map(insertionOf),
    ...own.filter((line) => !found.includes(line)),
  ];
  if (lines.length > 0) table.change(lines);
}

/** What the program lists; a deny that it does not see would be passed by in silence. */
function listFor(table: Table, { filter, adminChain }: Part): readonly string[] {
  const found = table.list();
  if (!filter.isAsked || hasChain(found, adminChain)) return found;
  const program = filter.of === 4 ? "iptables-save" : "ip6tables-save";
  const state = `it does not list chain "${adminChain}", which ${filter.flavour} tables have`;
  throw new IptablesError(program, state);
}

/** The administrator is to be asked before anything is accepted. */
function isInPlace(found: readonly string[], rule: SharedRule): boolean {
  const at = found.indexOf(lineOf(rule));
  if (rule.chain !== FORWARD) return at >= 0;
  const isAccept = (line: string) =>
    line.startsWith(`-A ${FORWARD} `) && line.endsWith(" -j ACCEPT");
  const accept = found.findIndex(isAccept);
  return at >= 0 && (accept < 0 || at < accept);
}

function lineOf({ chain, spec }: SharedRule): string {
  return `-A ${chain} ${spec}`;
}

function insertionOf(rule: SharedRule): string {
  return rule.at === "last" ? lineOf(rule) : `-I ${rule.chain} 1 ${rule.spec}`;
}

/** What is there for the same addresses and has an owner, and what the attachment itself has. */
function formerRules(found: readonly string[], { addresses, owner }: Part): readonly string[] {
  const isOwn = isOwnedBy(owner);
  const isUser = (line: string) => line.startsWith(`-A ${USERS} `) && isOwn(line);
  return found.filter((line) => isUser(line) || (isMarked(line) && isForOneOf(line, addresses)));
}

/** Rules without a comment, the reference plugin's, only accept: they may stay beside ours. */
function isMarked(line: string): boolean {
  return line.includes(" --comment ");
}

function refuseLiving(host: Netns, { owner, addresses }: Part, former: readonly string[]): void {
  const isOwn = isOwnedBy(owner);
  const isLiving = livingFinder(host);
  for (const line of former) {
    const held = heldBy(line);
    if (!held || isOwn(line) || !isLiving(held)) continue;
    const address = addresses.find((each) => isForOneOf(line, [each]));
    throw heldByAnother(owner, address ? formatAddress(address) : "a rule", held);
  }
}

function isForOneOf(line: string, addresses: readonly IpAddress[]): boolean {
  return addresses.map(textOf).some((address) => {
    return ["-d", "-s"].some((end) => line.startsWith(`-A ${FORWARD} ${end} ${address} `));
  });
}

/** What is missing of an attachment's rules, in words; undefined if all are there. */
export function checkForwarding(host: Netns, forwarding: IptablesForwarding): string | undefined {
  for (const part of partsOf(forwarding)) {
    const missing = findMissing(listFor(tableOf(host, part), part), part);
    if (missing) return `the filter table of IPv${part.filter.of} has no ${missing}`;
  }
  return undefined;
}

/** A rule of the reference plugin, which has no comment and fewer states, is as good. */
function findMissing(listed: readonly string[], part: Part): string | undefined {
  const found = listed.map(withoutNote);
  const { chains, shared, own } = wantedFor(part);
  const chain = chains.find((name) => !hasChain(found, name) && name !== USERS);
  if (chain !== undefined) return `chain ${chain}`;
  const [mark = "", ...formerMarks] = marksOf(part.owner);
  const asReference = (line: string) => line.replace(mark, "").replace(STATES, REFERENCE_STATES);
  const asFormer = (line: string) => formerMarks.map((former) => line.replace(mark, former));
  const isThere = (line: string) =>
    [line, asReference(line), ...asFormer(line)].some((each) => found.includes(each));
  const lost = shared.find((rule) => !isInPlace(found, rule));
  if (lost) return `rule ${lineOf(lost)}${lost.chain === FORWARD ? " before what accepts" : ""}`;
  const rules = own.filter((line) => !line.startsWith(`-A ${USERS}`)).map(withoutNote);
  const rule = rules.find((line) => !isThere(line));
  return rule && `rule ${rule}`;
}

/** True if a table has rules of this attachment by this suite, and not by the reference plugin. */
export function hasOwnRules(host: Netns, forwarding: IptablesForwarding): boolean {
  const isOwn = isOwnedBy(forwarding.owner);
  return partsOf(forwarding).some((part) => tableOf(host, part).list().some(isOwn));
}

/** The comments by which an owner's rules are known, what is written now first. */
function marksOf(owner: Owner): readonly string[] {
  return ownerTexts(owner).map((text) => ` ${comment(text)}`);
}

/** A test for the rules of an owner. */
function isOwnedBy(owner: Owner): (line: string) => boolean {
  const marks = marksOf(owner);
  return (line) => marks.some((mark) => line.includes(mark));
}

/**
 * Ends the forwarding of an attachment; `known` are addresses that the reference may have added.
 * Returns the notes that it had.
 */
export function deleteForwarding(
  host: Netns,
  owner: Owner,
  known: readonly IpAddress[],
): readonly string[] {
  const isOwn = isOwnedBy(owner);
  return removeWhere(host, (line) => isOwn(line) || isUnmarked(line, known));
}

function isUnmarked(line: string, addresses: readonly IpAddress[]): boolean {
  return !isMarked(line) && isForOneOf(line, addresses);
}

/** Ends the forwarding of all attachments of a network but the valid ones; returns their notes. */
export function collectForwarding(
  host: Netns,
  network: string,
  valid: readonly Owner[],
): readonly string[] {
  const kept = new Set(valid.flatMap(ownerTexts));
  return removeWhere(host, (line) => {
    const owner = heldBy(line)?.comment ?? "";
    return isOfNetwork(owner, network) && !kept.has(owner);
  });
}

function removeWhere(host: Netns, isStale: (line: string) => boolean): readonly string[] {
  const notes: string[] = [];
  for (const table of tablesWithRules(host)) {
    lockTables(() => {
      const found = table.list();
      const lines = removal(found, isStale);
      if (lines.length > 0) table.change(lines);
      notes.push(...notesOf(found.filter(isStale)));
    });
  }
  return notes;
}

/** Another packet filter than nf_tables may well have nothing of ours, nor need its programs. */
function tablesWithRules(host: Netns): readonly Table[] {
  return ([4, 6] as const).flatMap((of) =>
    forwardFlavours(host, of).flatMap((flavour) => {
      const find = flavour === "nft" ? requireTable : findTable;
      return find(host, "filter", { family: of, flavour }) ?? [];
    }),
  );
}

function notesOf(lines: readonly string[]): readonly string[] {
  return lines.flatMap((line) => heldBy(line)?.holder ?? []);
}

/** The notes that an attachment's rules have. */
export function notesOn(host: Netns, owner: Owner): readonly string[] {
  const isOwn = isOwnedBy(owner);
  return tablesWithRules(host).flatMap((table) => notesOf(table.list().filter(isOwn)));
}

/** Every address that is accepted for an attachment of this suite, with the text of its owner. */
export function listForwarded(host: Netns): readonly Forwarded[] {
  const rule = new RegExp(`^-A ${FORWARD} -[ds] (\\S+) `);
  return tablesWithRules(host).flatMap((table) =>
    table.list().flatMap((line) => {
      const cidr = parseCidr(rule.exec(line)?.[1] ?? "");
      const held = heldBy(line);
      return cidr && held ? [{ address: cidr.address, comment: held.comment }] : [];
    }),
  );
}

/** Only rules of attachments can be stale; a bridge that nobody uses any more is free again. */
function removal(found: readonly string[], isStale: (line: string) => boolean): readonly string[] {
  const isOfAttachment = (line: string) =>
    /^-A CNI-FORWARD -[ds] |^-A CNI-ISOLATION-USERS -i /.test(line);
  const stale = found.filter((line) => isOfAttachment(line) && isStale(line));
  const left = new Set(bridgesIn(found.filter((line) => !stale.includes(line))));
  const free = bridgesIn(stale).filter((bridge) => !left.has(bridge));
  return [...stale, ...found.filter((line) => free.some((bridge) => isolates(line, bridge)))].map(
    deletionOf,
  );
}

function bridgesIn(lines: readonly string[]): readonly string[] {
  return lines.flatMap((line) => /^-A CNI-ISOLATION-USERS -i (\S+) /.exec(line)?.[1] ?? []);
}

function isolates(line: string, bridge: string): boolean {
  return (
    line.startsWith(`-A ${STAGE_1} -i ${bridge} `) || line.startsWith(`-A ${STAGE_2} -o ${bridge} `)
  );
}

/** What the packet filter older than nf_tables says of forwarded packets. */
export function findLegacyFilter(host: Netns, of: Family, adminChain: string) {
  const found = requireTable(host, "filter", { family: of, flavour: "legacy" }).list();
  return {
    isRestricted: found.some((line) => /^:(FORWARD DROP|DOCKER-USER) /.test(line)),
    isAsked: hasChain(found, adminChain),
  };
}
