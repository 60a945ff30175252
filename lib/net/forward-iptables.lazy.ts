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
 * A rule of an attachment has the owner as its comment. The rules for a bridge go with its last user.
 */

import { type Family, family, type IpAddress } from "../ip/address.ts";
import { formatCidr, hostCidr } from "../ip/cidr.ts";
import type { Forwarding, Ingress } from "./forward.ts";
import { filterFlavour, hasForwardChain } from "./forward-path.ts";
import {
  deletionOf,
  findTable,
  hasChain,
  lockTables,
  requireTable,
  type Table,
} from "./iptables.ts";
import type { Netns } from "./netns.ts";
import { isOfNetwork, type Owner, ownerText, ownerTexts } from "./owner.ts";

const FORWARD = "CNI-FORWARD";
const STAGE_1 = "CNI-ISOLATION-STAGE-1";
const STAGE_2 = "CNI-ISOLATION-STAGE-2";
const USERS = "CNI-ISOLATION-USERS";

/** Connections whose packets reach a container; the reference plugin leaves out the last. */
const STATES = "RELATED,ESTABLISHED,DNAT";
const REFERENCE_STATES = "RELATED,ESTABLISHED";

/** What to do with which families, and the chain of the administrator's own rules. */
export interface IptablesForwarding extends Forwarding {
  readonly families: readonly Family[];
  readonly adminChain: string;
}

/** A rule that `iptables-save` shows as `-A chain spec`, and where it goes if it is missing. */
interface SharedRule {
  readonly chain: string;
  readonly at: "first" | "last";
  readonly spec: string;
}

interface Wanted {
  readonly chains: readonly string[];
  readonly shared: readonly SharedRule[];
  readonly own: readonly string[];
}

/** Accepts what the addresses send, are answered and are asked by ports; isolates their bridge. */
export function addForwarding(host: Netns, forwarding: IptablesForwarding): void {
  for (const { of, addresses } of byFamily(forwarding)) {
    lockTables(() => addRules(filterTable(host, of), { ...forwarding, addresses }));
  }
}

function byFamily({ families, addresses }: IptablesForwarding) {
  return families
    .map((of) => ({ of, addresses: addresses.filter((address) => family(address) === of) }))
    .filter((each) => each.addresses.length > 0);
}

function filterTable(host: Netns, of: Family): Table {
  return requireTable(host, "filter", { family: of, flavour: filterFlavour(host, of) });
}

function addRules(table: Table, forwarding: IptablesForwarding): void {
  const { chains, shared, own } = wantedFor(forwarding);
  const found = table.list();
  const lines = [
    ...chains.filter((chain) => !hasChain(found, chain)).map((chain) => `-N ${chain}`),
    ...formerRules(found, forwarding)
      .filter((line) => !own.includes(line))
      .map(deletionOf),
    ...shared.filter((rule) => !found.includes(lineOf(rule))).map(insertionOf),
    ...own.filter((line) => !found.includes(line)),
  ];
  if (lines.length > 0) table.change(lines);
}

function lineOf({ chain, spec }: SharedRule): string {
  return `-A ${chain} ${spec}`;
}

function insertionOf(rule: SharedRule): string {
  return rule.at === "last" ? lineOf(rule) : `-I ${rule.chain} 1 ${rule.spec}`;
}

/** What is there for the same addresses, whoever put it there. */
function formerRules(found: readonly string[], { addresses }: Forwarding): readonly string[] {
  return found.filter((line) => isForOneOf(line, addresses));
}

function isForOneOf(line: string, addresses: readonly IpAddress[]): boolean {
  return addresses.map(textOf).some((address) => {
    return ["-d", "-s"].some((end) => line.startsWith(`-A ${FORWARD} ${end} ${address} `));
  });
}

function textOf(address: IpAddress): string {
  return formatCidr(hostCidr(address));
}

function comment(text: string): string {
  return `-m comment --comment "${text}"`;
}

function wantedFor({ owner, addresses, ingress, adminChain }: IptablesForwarding): Wanted {
  const mark = comment(ownerText(owner));
  const overrides = comment("CNI firewall plugin admin overrides");
  const own = addresses.flatMap((address) => [
    `-A ${FORWARD} -d ${textOf(address)} -m conntrack --ctstate ${STATES} ${mark} -j ACCEPT`,
    `-A ${FORWARD} -s ${textOf(address)} ${mark} -j ACCEPT`,
  ]);
  const accepting: readonly SharedRule[] = [
    {
      chain: "FORWARD",
      at: "first",
      spec: `${comment("CNI firewall plugin rules")} -j ${FORWARD}`,
    },
    { chain: FORWARD, at: "first", spec: `${overrides} -j ${adminChain}` },
  ];
  const chains = [FORWARD, adminChain];
  if (ingress.policy === "open") return { chains, shared: accepting, own };
  return {
    chains: [...chains, STAGE_1, STAGE_2, USERS],
    shared: [...accepting, ...isolationRules(ingress)],
    own: [...own, `-A ${USERS} -i ${ingress.bridge} ${mark}`],
  };
}

type Isolating = Exclude<Ingress, { readonly policy: "open" }>;

function isolationRules({ policy, bridge }: Isolating): readonly SharedRule[] {
  const rules = "CNI firewall plugin rules (ingressPolicy:";
  const common = comment(`${rules} same-bridge|isolated)`);
  const own = comment(`${rules} ${policy})`);
  const within = `-i ${bridge} -o ${bridge} ${own} -j DROP`;
  return [
    { chain: "FORWARD", at: "first", spec: `${common} -j ${STAGE_1}` },
    { chain: STAGE_1, at: "first", spec: `-i ${bridge} ! -o ${bridge} ${own} -j ${STAGE_2}` },
    ...(policy === "isolated" ? [{ chain: STAGE_1, at: "first", spec: within } as const] : []),
    { chain: STAGE_1, at: "last", spec: `${common} -j RETURN` },
    { chain: STAGE_2, at: "first", spec: `-o ${bridge} ${common} -j DROP` },
    { chain: STAGE_2, at: "last", spec: `${common} -j RETURN` },
  ];
}

/** What is missing of an attachment's rules, in words; undefined if all are there. */
export function checkForwarding(host: Netns, forwarding: IptablesForwarding): string | undefined {
  for (const { of, addresses } of byFamily(forwarding)) {
    const missing = findMissing(filterTable(host, of).list(), { ...forwarding, addresses });
    if (missing) return `the filter table of IPv${of} has no ${missing}`;
  }
  return undefined;
}

/** A rule of the reference plugin, which has no comment and fewer states, is as good. */
function findMissing(found: readonly string[], forwarding: IptablesForwarding): string | undefined {
  const { chains, shared, own } = wantedFor(forwarding);
  const marks = ownerTexts(forwarding.owner).map((text) => ` ${comment(text)}`);
  const chain = chains.find((name) => !hasChain(found, name) && name !== USERS);
  if (chain !== undefined) return `chain ${chain}`;
  const [mark = "", ...formerMarks] = marks;
  const asReference = (line: string) => line.replace(mark, "").replace(STATES, REFERENCE_STATES);
  const asFormer = (line: string) => formerMarks.map((former) => line.replace(mark, former));
  const isThere = (line: string) =>
    [line, asReference(line), ...asFormer(line)].some((each) => found.includes(each));
  const rules = [...shared.map(lineOf), ...own.filter((line) => !line.startsWith(`-A ${USERS}`))];
  const rule = rules.find((line) => !isThere(line));
  return rule && `rule ${rule}`;
}

/** Ends the forwarding of an attachment; `known` are addresses that the reference may have added. */
export function deleteForwarding(host: Netns, owner: Owner, known: readonly IpAddress[]): void {
  const marks = ownerTexts(owner).map((text) => ` ${comment(text)}`);
  const isOwn = (line: string) => marks.some((mark) => line.includes(mark));
  removeWhere(host, (line) => isOwn(line) || isUnmarked(line, known));
}

function isUnmarked(line: string, addresses: readonly IpAddress[]): boolean {
  return !line.includes(" --comment ") && isForOneOf(line, addresses);
}

/** Ends the forwarding of all attachments of a network but the valid ones. */
export function collectForwarding(host: Netns, network: string, valid: readonly Owner[]): void {
  const kept = new Set(valid.flatMap(ownerTexts));
  removeWhere(host, (line) => {
    const owner = / --comment "([^"]*)"/.exec(line)?.[1] ?? "";
    return isOfNetwork(owner, network) && !kept.has(owner);
  });
}

function removeWhere(host: Netns, isStale: (line: string) => boolean): void {
  for (const of of [4, 6] as const) {
    const table = hasForwardChain(host, of) ? findOwnTable(host, of) : undefined;
    if (!table) continue;
    lockTables(() => {
      const lines = removal(table.list(), isStale);
      if (lines.length > 0) table.change(lines);
    });
  }
}

/** Another packet filter than nf_tables may well have nothing of ours, nor need its programs. */
function findOwnTable(host: Netns, of: Family): Table | undefined {
  const flavour = filterFlavour(host, of);
  if (flavour === "default") return filterTable(host, of);
  return findTable(host, "filter", { family: of, flavour });
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

/** True if what the packet filter older than nf_tables forwards is decided by other rules. */
export function isLegacyRestricted(host: Netns, of: Family): boolean {
  const found = filterTable(host, of).list();
  return found.some((line) => /^:(FORWARD DROP|DOCKER-USER) /.test(line));
}
