/**
 * Host ports as they stand in the nat table of iptables: every rule of a container's chain CNI-DN-…,
 * and every jump to it, as a value that tells whose it is. A table may have thousands of them: only
 * those that matter are taken apart.
 */

import { type IpAddress, parseAddress } from "../../ip/address.ts";
import { parseCidr } from "../../ip/cidr.ts";
import { type Owner, quotedNetwork } from "../../net/owner.ts";
import type { Holder } from "../port-holder.ts";
import type { HostPort, Protocol } from "../port-mapping.ts";
import { portChainName } from "../reference/names.ts";
import {
  deletionOf,
  hasChain,
  jumpsTo,
  optionOf,
  parseRule,
  quoted,
  type Rule,
  rulesIn,
} from "./rule.ts";

/** The chain from which each container's is reached. */
export const DNAT = "CNI-HOSTPORT-DNAT";
const CONTAINER = "CNI-DN-";

/** A rule of a container's chain, or a jump to it. */
export interface FoundPort {
  readonly line: string;
  /** The container's chain. */
  readonly chain: string;
  /** The interface that the rule is for; the reference's rules name none. */
  readonly ifName: string | undefined;
  /** The port that it leads to the container; undefined if it only marks packets, or jumps. */
  readonly port: HostPort | undefined;
  /** What a jump has besides. */
  readonly jump: Jump | undefined;
}

interface Jump {
  readonly names: Names | undefined;
  readonly protocol: string | undefined;
  /** As iptables shows them: `80,443`. */
  readonly ports: string | undefined;
}

/** Whose a chain is, as far as the comment of a jump tells it: names that are cut begin with `#`. */
interface Names {
  readonly network: string;
  readonly containerID: string;
  readonly note: string | undefined;
}

/** What is there for an attachment: what names its interface, or, as the reference's, names none. */
export function portsOfOwner(lines: readonly string[], owner: Owner): readonly FoundPort[] {
  return portsOfChains(lines, new Set([portChainName(owner)])).filter(isPortOf(owner));
}

/** A test for what is there for an attachment. */
export function isPortOf(owner: Owner): (found: FoundPort) => boolean {
  const name = portChainName(owner);
  return ({ chain, ifName = owner.ifName }) => chain === name && ifName === owner.ifName;
}

/** What is there for all attachments of a network, whose name the jumps have. */
export function portsOfNetwork(lines: readonly string[], network: string): readonly FoundPort[] {
  const names = quotedNetwork(network).map(quoted);
  const jumps = rulesIn(lines, DNAT).filter((line) => names.some((name) => line.includes(name)));
  return portsOfChains(lines, new Set(jumps.flatMap((line) => chainFor(line) ?? [])));
}

/** The rules that lead ports with these numbers to containers. */
export function portsNumbered(
  lines: readonly string[],
  numbers: readonly number[],
): readonly FoundPort[] {
  const matches = numbers.map((number) => ` --dport ${number} `);
  const rules = lines.filter((line) => line.startsWith(`-A ${CONTAINER}`));
  return rules.filter((line) => matches.some((match) => line.includes(match))).map(parsePort);
}

/** The rules of all containers that lead a port to one. */
export function portsOfAll(lines: readonly string[]): readonly FoundPort[] {
  const rules = lines.filter((line) => line.startsWith(`-A ${CONTAINER}`)).map(parsePort);
  return rules.filter(({ port }) => port !== undefined);
}

/** The jumps to a container's chain. */
export function jumpsInto(lines: readonly string[], chain: string): readonly FoundPort[] {
  return jumpsTo(rulesIn(lines, DNAT), chain).map(parsePort);
}

function portsOfChains(
  lines: readonly string[],
  chains: ReadonlySet<string>,
): readonly FoundPort[] {
  return lines.filter((line) => chains.has(chainFor(line) ?? "")).map(parsePort);
}

/** The container's chain that a rule is in, or jumps to. */
function chainFor(line: string): string | undefined {
  if (line.startsWith(`-A ${CONTAINER}`)) return line.slice(3, line.indexOf(" ", 3));
  if (!line.startsWith(`-A ${DNAT} `)) return undefined;
  const target = line.slice(line.lastIndexOf(" ") + 1);
  return target.startsWith(CONTAINER) ? target : undefined;
}

function parsePort(line: string): FoundPort {
  const rule = parseRule(line);
  const [comment = ""] = rule.comments;
  const isJump = rule.chain === DNAT;
  const chain = (isJump ? optionOf(rule, "-j") : undefined) ?? rule.chain;
  const [, ifName] = /(?:^| )interface (.*)$/.exec(comment) ?? [];
  const jump = isJump ? jumpOf(rule, comment) : undefined;
  return { line, chain, ifName, port: portOf(rule), jump };
}

/** `dnat name: "net" id: "6f2c…" at veth1 /run/netns/box interface eth0`; the note may be missing. */
const NAMES = /name: "(.*?)" id: "(.*?)"(?: at (\S+ \S+))?/;

function jumpOf(rule: Rule, comment: string): Jump {
  const [, network, containerID = "", note] = NAMES.exec(comment) ?? [];
  const names = network === undefined ? undefined : { network, containerID, note };
  return { names, protocol: optionOf(rule, "-p"), ports: optionOf(rule, "--dports") };
}

function portOf(rule: Rule): HostPort | undefined {
  const protocol = optionOf(rule, "-p");
  const port = optionOf(rule, "--dport");
  const leads = optionOf(rule, "-j") === "DNAT";
  if (!leads || !isProtocol(protocol) || port === undefined) return undefined;
  return { protocol, address: addressIn(optionOf(rule, "-d")), port: Number(port) };
}

function isProtocol(word: string | undefined): word is Protocol {
  return word === "tcp" || word === "udp" || word === "sctp";
}

function addressIn(text: string | undefined): IpAddress | undefined {
  return text === undefined ? undefined : (parseCidr(text)?.address ?? parseAddress(text));
}

/** Who has a port that is led to a container, if the jump to its chain tells that in full. */
export function holderOf(lines: readonly string[], { chain, ifName }: FoundPort): Holder {
  const jump = jumpsInto(lines, chain).find((each) => each.ifName === ifName)?.jump;
  const { network = "#", containerID = "", note } = jump?.names ?? {};
  if (network.startsWith("#") || ifName === undefined) return { owner: undefined, note: undefined };
  return { owner: { network, containerID, ifName }, note };
}

/** The same for people. */
export function nameHolder(lines: readonly string[], { chain }: FoundPort): string {
  const names = jumpsInto(lines, chain)[0]?.jump?.names;
  if (!names) return `chain "${chain}"`;
  return `container "${names.containerID}" in network "${names.network}"`;
}

/** Whose a rule is as far as the jump to its chain tells it: nothing where the names are hashes. */
export function namesIn(lines: readonly string[], { chain, ifName }: FoundPort) {
  const names = jumpsInto(lines, chain)[0]?.jump?.names;
  return !names || names.network.startsWith("#") ? {} : { containerID: names.containerID, ifName };
}

/** The lines that delete rules, and the chains that are empty without them. */
export function removalOf(
  lines: readonly string[],
  stale: readonly FoundPort[],
): readonly string[] {
  const gone = new Set(stale.map(({ line }) => line));
  const left = lines.filter((line) => !gone.has(line));
  const isFree = (chain: string) =>
    hasChain(lines, chain) && rulesIn(left, chain).length + jumpsTo(left, chain).length === 0;
  const free = Array.from(new Set(stale.map(({ chain }) => chain))).filter(isFree);
  return [...stale.map(({ line }) => deletionOf(line)), ...free.map((chain) => `-X ${chain}`)];
}
