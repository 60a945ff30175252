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
import { collect, type Marked, type Shelf } from "../../net/inventory.ts";
import type { Netns } from "../../net/netns.ts";
import { isOfNetwork, type Owner, ownerTexts } from "../../net/owner.ts";
import { joinPorts, portsIn } from "../forward-ports.ts";
import type { Forwarded } from "../ingress.ts";
import { forwardFlavours } from "./flavours.ts";
import {
  acceptChoices,
  FORWARD,
  type IptablesForwarding,
  type Part,
  type SharedRule,
  textOf,
  USERS,
  wantedFor,
} from "./forward-rules.ts";
import {
  type AttachmentRule,
  allRules,
  notesOf,
  removalOf,
  rulesFor,
  rulesOfOwner,
} from "./found-forwarding.ts";
import { findTable, IptablesError, lockTables, requireTable, type Table } from "./iptables.ts";
import { deletionOf, hasChain, insertionOf, newChains, rulesIn } from "./rule.ts";
import { withoutNote } from "./rule-notes.ts";

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
  const misplaced = lost.map(({ line }) => line).filter((line) => found.includes(line));
  const former = part.filter.accepts ? formerRules(found, part) : [];
  refuseLiving(host, part, former);
  const stale = former.map(({ line }) => line).filter((line) => !own.includes(line));
  table.change([
    ...newChains(found, chains),
    ...[...stale, ...misplaced].map(deletionOf),
    ...lost.map(({ at, line }) => (at === "first" ? insertionOf(line) : line)),
    ...own.filter((line) => !found.includes(line)),
  ]);
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
  const at = found.indexOf(rule.line);
  if (rule.chain !== FORWARD) return at >= 0;
  const isAccept = (line: string) =>
    line.startsWith(`-A ${FORWARD} `) && line.endsWith(" -j ACCEPT");
  const accept = found.findIndex(isAccept);
  return at >= 0 && (accept < 0 || at < accept);
}

/**
 * What is there for the same addresses and has an owner, and what the attachment itself has. Rules
 * without one, the reference plugin's, only accept: they may stay beside ours.
 */
function formerRules(
  found: readonly string[],
  { addresses, owner }: Part,
): readonly AttachmentRule[] {
  return [
    ...rulesFor(found, addresses).filter(({ held }) => held),
    ...rulesOfOwner(found, owner).filter(({ bridge }) => bridge !== undefined),
  ];
}

function refuseLiving(
  host: Netns,
  { owner, addresses }: Part,
  former: readonly AttachmentRule[],
): void {
  const own = ownerTexts(owner);
  const isLiving = livingFinder(host);
  for (const { held, address: taken } of former) {
    if (!held || own.includes(held.comment) || !isLiving(held)) continue;
    const address = addresses.find((each) => textOf(each) === taken);
    throw heldByAnother(owner, address ? formatAddress(address) : "a rule", held);
  }
}

/** What is missing of an attachment's rules, in words; undefined if all are there. */
export function findForwardingFault(
  host: Netns,
  forwarding: IptablesForwarding,
): string | undefined {
  for (const part of partsOf(forwarding)) {
    const missing = findMissing(listFor(tableOf(host, part), part), part);
    if (missing) return `the filter table of IPv${part.filter.of} has no ${missing}`;
  }
  return undefined;
}

function findMissing(found: readonly string[], part: Part): string | undefined {
  const { chains, shared } = wantedFor(part);
  const chain = chains.find((name) => !hasChain(found, name) && name !== USERS);
  if (chain !== undefined) return `chain ${chain}`;
  const lost = shared.find((rule) => !isInPlace(found, rule));
  if (lost) return `rule ${lost.line}${lost.chain === FORWARD ? " before what accepts" : ""}`;
  if (!part.filter.accepts) return undefined;
  const accepts = rulesIn(found, FORWARD).map(withoutNote);
  const missing = acceptChoices(part).find(
    (lines) => !lines.some((line) => accepts.includes(line)),
  );
  return missing && `rule ${missing[0]}`;
}

/** True if a table has rules of this attachment by this suite, and not by the reference plugin. */
export function hasOwnRules(host: Netns, forwarding: IptablesForwarding): boolean {
  const { owner } = forwarding;
  return partsOf(forwarding).some(
    (part) => rulesOfOwner(tableOf(host, part).list(), owner).length > 0,
  );
}

/**
 * Ends the forwarding of an attachment, and joins the ports that its notes name; `known` are
 * addresses that the reference may have added.
 */
export function deleteForwarding(host: Netns, owner: Owner, known: readonly IpAddress[]): void {
  for (const table of tablesWithRules(host)) {
    lockTables(() => {
      const found = table.list();
      const unmarked = rulesFor(found, known).filter(({ held }) => !held);
      removeRules(host, table, { found, stale: [...rulesOfOwner(found, owner), ...unmarked] });
    });
  }
}

/** Which rules are to go, of all that their table has. */
interface Removal {
  readonly found: readonly string[];
  readonly stale: readonly AttachmentRule[];
}

function removeRules(host: Netns, table: Table, { found, stale }: Removal): void {
  table.change(removalOf(found, stale));
  joinPorts(host, portsIn(notesOf(stale)));
}

/** Ends the forwarding of all attachments of a network but the valid ones. */
export function collectForwarding(host: Netns, network: string, valid: readonly Owner[]): void {
  for (const shelf of forwardShelves(host)) {
    lockTables(() => collect(shelf, network, valid));
  }
}

/** A rule, and all that its table had when it was found. */
interface OwnedRule extends Marked {
  readonly rule: AttachmentRule;
  readonly found: readonly string[];
}

/** The rules of all attachments, of each table: list and remove under one lock, `lockTables`. */
export function forwardShelves(host: Netns): readonly Shelf<OwnedRule>[] {
  return tablesWithRules(host).map((table) => shelfOf(host, table));
}

function shelfOf(host: Netns, table: Table): Shelf<OwnedRule> {
  return {
    kind: "rule",
    list: (network) => {
      const found = table.list();
      const owned = allRules(found).map((rule) => ({
        mark: rule.held?.comment ?? "",
        rule,
        found,
      }));
      return owned.filter(({ mark }) => isOfNetwork(mark, network));
    },
    marksOf: ownerTexts,
    inWords: ({ rule }) => `rule ${rule.line} in the ${table.inWords}`,
    remove: (owned) => {
      const [first] = owned;
      const stale = owned.map(({ rule }) => rule);
      if (first) removeRules(host, table, { found: first.found, stale });
    },
  };
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

/** The notes that an attachment's rules have. */
export function notesOn(host: Netns, owner: Owner): readonly string[] {
  return tablesWithRules(host).flatMap((table) => notesOf(rulesOfOwner(table.list(), owner)));
}

/** Every address that is accepted for an attachment of this suite, with the text of its owner. */
export function listForwarded(host: Netns): readonly Forwarded[] {
  const rules = tablesWithRules(host).flatMap((table) => allRules(table.list()));
  return rules.flatMap(({ address, held }) => {
    const cidr = parseCidr(address ?? "");
    return cidr && held ? [{ address: cidr.address, comment: held.comment }] : [];
  });
}

/** What the packet filter older than nf_tables says of forwarded packets. */
export function findLegacyFilter(host: Netns, of: Family, adminChain: string) {
  const found = requireTable(host, "filter", { family: of, flavour: "legacy" }).list();
  return {
    isRestricted: found.some((line) => /^:(FORWARD DROP|DOCKER-USER) /.test(line)),
    isAsked: hasChain(found, adminChain),
  };
}
