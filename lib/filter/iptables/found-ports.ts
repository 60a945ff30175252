/**
 * Host ports as they stand in the nat table of iptables: every rule of a container's chain CNI-DN-…,
 * and every jump to it, as a value that tells whose it is.
 */

import { type IpAddress, parseAddress } from "../../ip/address.ts";
import { parseCidr } from "../../ip/cidr.ts";
import { type Owner, quotedNetwork } from "../../net/owner.ts";
import type { Holder } from "../port-holder.ts";
import type { HostPort, Protocol } from "../port-mapping.ts";
import { portChainName } from "../reference/names.ts";
import { deletionOf, hasChain, jumpsTo, optionOf, parseRule, type Rule, rulesIn } from "./rule.ts";

/** The chain from which each container's is reached. */
export const DNAT = "CNI-HOSTPORT-DNAT";
const CONTAINER = "CNI-DN-";

/** What both kinds of rules tell. */
interface Found {
  readonly line: string;
  /** The container's chain. */
  readonly chain: string;
  /** The interface that the rule is for; the reference's rules name none. */
  readonly ifName: string | undefined;
}

/** A rule of a container's chain. */
export interface PortRule extends Found {
  /** The port that it leads to the container; undefined if it only marks packets. */
  readonly port: HostPort | undefined;
}

/** A jump to a container's chain. */
export interface PortJump extends Found {
  readonly comment: string;
  readonly protocol: string | undefined;
  /** As iptables shows them: `80,443`. */
  readonly ports: string | undefined;
}

export type FoundPort = PortRule | PortJump;

/** The table's lines, and what of them is for host ports. */
export interface FoundPorts {
  readonly lines: readonly string[];
  readonly rules: readonly PortRule[];
  readonly jumps: readonly PortJump[];
}

/** Reads the lines of the nat table. */
export function readPorts(lines: readonly string[]): FoundPorts {
  const rules = lines.filter((line) => line.startsWith(`-A ${CONTAINER}`));
  const jumps = rulesIn(lines, DNAT).map(parseRule);
  return {
    lines,
    rules: rules.map((line) => toPortRule(parseRule(line))),
    jumps: jumps.flatMap((rule) => toPortJump(rule) ?? []),
  };
}

function toPortRule(rule: Rule): PortRule {
  const { line, chain } = rule;
  const [, ifName] = /^interface (.*)$/.exec(rule.comments[0] ?? "") ?? [];
  return { line, chain, ifName, port: optionOf(rule, "-j") === "DNAT" ? portOf(rule) : undefined };
}

function portOf(rule: Rule): HostPort | undefined {
  const protocol = optionOf(rule, "-p");
  const port = optionOf(rule, "--dport");
  if (!isProtocol(protocol) || port === undefined) return undefined;
  return { protocol, address: addressIn(optionOf(rule, "-d")), port: Number(port) };
}

function isProtocol(word: string | undefined): word is Protocol {
  return word === "tcp" || word === "udp" || word === "sctp";
}

function addressIn(text: string | undefined): IpAddress | undefined {
  return text === undefined ? undefined : (parseCidr(text)?.address ?? parseAddress(text));
}

function toPortJump(rule: Rule): PortJump | undefined {
  const chain = optionOf(rule, "-j") ?? "";
  if (!chain.startsWith(CONTAINER)) return undefined;
  const [comment = ""] = rule.comments;
  const [, ifName] = / interface (.*)$/.exec(comment) ?? [];
  const ports = optionOf(rule, "--dports");
  return { line: rule.line, chain, ifName, comment, protocol: optionOf(rule, "-p"), ports };
}

/** What is there for an attachment: what names its interface, or, as the reference's, names none. */
export function portsOfOwner({ rules, jumps }: FoundPorts, owner: Owner): readonly FoundPort[] {
  const chain = portChainName(owner);
  const isOwn = (found: FoundPort) =>
    found.chain === chain && (found.ifName === undefined || found.ifName === owner.ifName);
  return [...rules, ...jumps].filter(isOwn);
}

/** What is there for all attachments of a network, whose name the jumps have. */
export function portsOfNetwork({ rules, jumps }: FoundPorts, network: string) {
  const names = quotedNetwork(network);
  const isOfNetwork = ({ comment }: PortJump) => names.some((name) => comment.includes(name));
  const chains = new Set(jumps.filter(isOfNetwork).map(({ chain }) => chain));
  return [...rules, ...jumps].filter(({ chain }) => chains.has(chain));
}

/** Who has the port of a rule, if the jump to its chain tells that in full. */
export function holderOf({ jumps }: FoundPorts, { chain, ifName }: PortRule): Holder {
  const jump = jumps.find((each) => each.chain === chain && each.ifName === ifName);
  const [, network = "#", containerID, note] = NAMES.exec(jump?.comment ?? "") ?? [];
  if (network.startsWith("#") || containerID === undefined || ifName === undefined) {
    return { owner: undefined, note: undefined };
  }
  return { owner: { network, containerID, ifName }, note };
}

/** Who has the port of a rule, for people. */
export function nameHolder({ jumps }: FoundPorts, rule: PortRule): string {
  const jump = jumps.find(({ chain }) => chain === rule.chain);
  const [, network, containerID] = NAMES.exec(jump?.comment ?? "") ?? [];
  if (network === undefined) return `chain "${rule.chain}"`;
  return `container "${containerID}" in network "${network}"`;
}

/** `dnat name: "net" id: "6f2c…" at veth1 /run/netns/box interface eth0`; the note may be missing. */
const NAMES = /name: "(.*?)" id: "(.*?)"(?: at (\S+ \S+))?/;

/** The lines that delete rules, and the chains that are empty without them. */
export function removalOf({ lines }: FoundPorts, stale: readonly FoundPort[]): readonly string[] {
  const gone = new Set(stale.map(({ line }) => line));
  const left = lines.filter((line) => !gone.has(line));
  const isFree = (chain: string) =>
    hasChain(lines, chain) && rulesIn(left, chain).length + jumpsTo(left, chain).length === 0;
  const free = Array.from(new Set(stale.map(({ chain }) => chain))).filter(isFree);
  return [...stale.map(({ line }) => deletionOf(line)), ...free.map((chain) => `-X ${chain}`)];
}
