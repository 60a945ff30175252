/**
 * Forwarding of whole networks, in chains of iptables as flannel has them, and in firewalld:
 *
 *   FORWARD       jumps to CNI-OVERLAY, last: whatever denies by a rule of its own comes before
 *   CNI-OVERLAY   two rules for each subnet: accept what comes from it, and what goes to it
 *
 * A rule has the network as its comment. In firewalld a subnet is a source of zone "trusted".
 */

import { hash32Hex } from "../bytes/hash.ts";
import { lazily } from "../host/lazy.ts";
import type { Family } from "../ip/address.ts";
import { type Cidr, formatCidr } from "../ip/cidr.ts";
import { NetError } from "./error.ts";
import { filterFlavour } from "./forward-path.ts";
import {
  deletionOf,
  findTable,
  hasChain,
  lockTables,
  requireTable,
  type Table,
} from "./iptables.ts";
import type { Netns } from "./netns.ts";
import type { Network } from "./network-forwarding.ts";

type Firewalld = typeof import("./firewalld.lazy.ts");

const CHAIN = "CNI-OVERLAY";
const JUMP = `-A FORWARD -m comment --comment "networks of many hosts" -j ${CHAIN}`;
const ZONE = "trusted";

const firewalld = () => lazily<Firewalld>("firewalld");

/** A network, and what of it this host would drop. */
interface Forwarded extends Network {
  /** The subnets for whose family iptables drops by default. */
  readonly closed: readonly Cidr[];
  /** True if there are rules as firewalld makes them. */
  readonly isFirewalld: boolean;
}

/** Adds what is missing, and tells of it; what hinders that is returned in words. */
export function ensureNetwork(
  host: Netns,
  network: Forwarded & { readonly tell: ((what: string) => void) | undefined },
): string | undefined {
  const { closed, tell } = network;
  return obstacle(() => {
    for (const subnet of closed) {
      if (!ensureRules(host, network.name, subnet)) continue;
      tell?.(`accept forwarded packets from and to ${formatCidr(subnet)}`);
    }
    if (!runsFirewalld(network) || !findSourceFault(network)) return;
    firewalld().addSources(ZONE, network.networks);
    tell?.(`add ${network.networks.map(formatCidr).join(", ")} to zone "${ZONE}" of firewalld`);
  });
}

function obstacle(body: () => void): string | undefined {
  try {
    body();
    return undefined;
  } catch (cause) {
    if (cause instanceof NetError) return cause.message;
    throw cause;
  }
}

/** True if something was missing. */
function ensureRules(host: Netns, name: string, subnet: Cidr): boolean {
  let lines: readonly string[] = [];
  lockTables(() => {
    const table = filterTable(host, subnet.address.length === 4 ? 4 : 6);
    lines = difference(table.list(), name, subnet);
    if (lines.length > 0) table.change(lines);
  });
  return lines.length > 0;
}

function filterTable(host: Netns, of: Family): Table {
  return requireTable(host, "filter", { family: of, flavour: filterFlavour(host, of) });
}

/** What makes the rules of a network right. */
function difference(found: readonly string[], name: string, subnet: Cidr): readonly string[] {
  const wanted = rulesFor(name, subnet);
  return [
    ...(hasChain(found, CHAIN) ? [] : [`-N ${CHAIN}`]),
    ...rulesOf(found, name)
      .filter((line) => !wanted.includes(line))
      .map(deletionOf),
    ...[JUMP, ...wanted].filter((line) => !found.includes(line)),
  ];
}

function rulesFor(name: string, subnet: Cidr): readonly string[] {
  const text = formatCidr(subnet);
  return ["-s", "-d"].map((end) => `-A ${CHAIN} ${end} ${text} ${comment(name)} -j ACCEPT`);
}

/** A comment has 255 characters. */
const LONGEST = 200;

/** Quotes are what iptables-save shows where there are spaces. */
function comment(name: string): string {
  const plain = name.replace(/[^a-zA-Z0-9_.-]/g, "_");
  const isWhole = plain === name && name.length <= LONGEST;
  const text = isWhole
    ? name
    : `${plain.slice(0, LONGEST)} ${hash32Hex(name)}${hash32Hex(name, 1)}`;
  return `-m comment --comment "network ${text}"`;
}

function rulesOf(found: readonly string[], name: string): readonly string[] {
  return found.filter((line) => line.startsWith(`-A ${CHAIN} `) && line.includes(comment(name)));
}

/** What is missing, in words. */
export function findNetworkFault(host: Netns, network: Forwarded): string | undefined {
  let fault: string | undefined;
  const obstacleToLook = obstacle(() => {
    fault = network.closed.map((subnet) => findRuleFault(host, network.name, subnet)).find(Boolean);
    if (fault === undefined && runsFirewalld(network)) fault = findSourceFault(network);
  });
  return fault ?? obstacleToLook;
}

function findRuleFault(host: Netns, name: string, subnet: Cidr): string | undefined {
  const family = subnet.address.length === 4 ? 4 : 6;
  const found = filterTable(host, family).list();
  const missing = [JUMP, ...rulesFor(name, subnet)].find((line) => !found.includes(line));
  return missing && `the filter table of IPv${family} has no rule ${missing}`;
}

function runsFirewalld({ isFirewalld }: Forwarded): boolean {
  return isFirewalld && firewalld().firewalldFault() === undefined;
}

function findSourceFault({ networks }: Network): string | undefined {
  return firewalld().checkSources(ZONE, networks);
}

/** Takes back what belongs to a network; the chain goes with the last of them. */
export function deleteNetwork(
  host: Netns,
  { name, networks }: Network,
  isFirewalld: boolean,
): void {
  for (const of of [4, 6] as const) {
    const table = findTable(host, "filter", { family: of, flavour: filterFlavour(host, of) });
    if (!table) continue;
    lockTables(() => {
      const found = table.list();
      if (hasChain(found, CHAIN)) table.change(removal(found, name));
    });
  }
  if (isFirewalld) firewalld().deleteSources(ZONE, networks);
}

function removal(found: readonly string[], name: string): readonly string[] {
  const own = rulesOf(found, name);
  const isLast = found.filter((line) => line.startsWith(`-A ${CHAIN} `)).length === own.length;
  const frame = [...found.filter((line) => line === JUMP).map(deletionOf), `-X ${CHAIN}`];
  return [...own.map(deletionOf), ...(isLast ? frame : [])];
}
