/**
 * Forwarding of whole networks, in chains of iptables as flannel has them, and in firewalld:
 *
 *   FORWARD       jumps to CNI-OVERLAY, last: whatever denies by a rule of its own comes before
 *   CNI-OVERLAY   two rules for each subnet: accept what comes from it, and what goes to it
 *
 * A rule has the network as its comment. In firewalld a subnet is a source of zone "trusted".
 */

import { lazily } from "../../host/lazy.ts";
import { family } from "../../ip/address.ts";
import { type Cidr, formatCidr } from "../../ip/cidr.ts";
import { NetError } from "../../net/error.ts";
import type { Netns } from "../../net/netns.ts";
import { sharedComment } from "../../net/owner.ts";
import type { Closed, Network } from "../forward-networks.ts";
import { filterFlavours } from "../forward-path.ts";
import {
  deletionOf,
  findTable,
  hasChain,
  lockTables,
  requireTable,
  type Table,
} from "./iptables.ts";

type Firewalld = typeof import("../firewalld.lazy.ts");

const CHAIN = "CNI-OVERLAY";
const JUMP = `-A FORWARD -m comment --comment "networks of many hosts" -j ${CHAIN}`;
const ZONE = "trusted";

const firewalld = () => lazily<Firewalld>("firewalld");

/** A network, and what of it this host would drop. */
interface Forwarded extends Network {
  readonly closed: readonly Closed[];
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
    for (const each of closed) {
      if (!ensureRules(host, network.name, each)) continue;
      tell?.(`accept forwarded packets from and to ${formatCidr(each.subnet)}`);
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
function ensureRules(host: Netns, name: string, closed: Closed): boolean {
  let lines: readonly string[] = [];
  lockTables(() => {
    const table = filterTable(host, closed);
    lines = difference(table.list(), name, closed.subnet);
    if (lines.length > 0) table.change(lines);
  });
  return lines.length > 0;
}

function filterTable(host: Netns, { subnet, flavour }: Closed): Table {
  return requireTable(host, "filter", { family: family(subnet.address), flavour });
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

function comment(name: string): string {
  return `-m comment --comment "${sharedComment(name)}"`;
}

function rulesOf(found: readonly string[], name: string): readonly string[] {
  return found.filter((line) => line.startsWith(`-A ${CHAIN} `) && line.includes(comment(name)));
}

/** What is missing, in words. */
export function findNetworkFault(host: Netns, network: Forwarded): string | undefined {
  let fault: string | undefined;
  const obstacleToLook = obstacle(() => {
    fault = network.closed.map((each) => findRuleFault(host, network.name, each)).find(Boolean);
    if (fault === undefined && runsFirewalld(network)) fault = findSourceFault(network);
  });
  return fault ?? obstacleToLook;
}

function findRuleFault(host: Netns, name: string, closed: Closed): string | undefined {
  const found = filterTable(host, closed).list();
  const missing = [JUMP, ...rulesFor(name, closed.subnet)].find((line) => !found.includes(line));
  const of = family(closed.subnet.address);
  return missing && `the filter table of IPv${of} has no rule ${missing}`;
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
    for (const flavour of filterFlavours(host, of)) {
      const table = findTable(host, "filter", { family: of, flavour });
      if (table) lockTables(() => removeFrom(table, name));
    }
  }
  if (isFirewalld) firewalld().deleteSources(ZONE, networks);
}

function removeFrom(table: Table, name: string): void {
  const found = table.list();
  if (hasChain(found, CHAIN)) table.change(removal(found, name));
}

function removal(found: readonly string[], name: string): readonly string[] {
  const own = rulesOf(found, name);
  const isLast = found.filter((line) => line.startsWith(`-A ${CHAIN} `)).length === own.length;
  const frame = [...found.filter((line) => line === JUMP).map(deletionOf), `-X ${CHAIN}`];
  return [...own.map(deletionOf), ...(isLast ? frame : [])];
}
