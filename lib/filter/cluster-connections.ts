/**
 * Connections that are there already when the policies of a cluster change: those that are forbidden
 * now are cut, since packets of a known connection pass.
 */

import { family, formatAddress, type IpAddress, parseAddress } from "../ip/address.ts";
import { containsAddress } from "../ip/cidr.ts";
import { listLocalAddresses } from "../net/address.ts";
import { deleteFlows } from "../net/conntrack.ts";
import type { Netns } from "../net/netns.ts";
import { findSysctl } from "../net/sysctl.ts";
import { flowMessage, listAllFlows } from "../netlink/conntrack.ts";
import { flowsFrom, flowsTo, type Seen, seen } from "./policy-connections.ts";
import {
  type Allow,
  type Block,
  type Direction,
  isOfNamedPort,
  type KnownRuleset,
  type PortRange,
  type Protocol,
  type RulesetChanges,
} from "./ruleset.ts";

/** Of so many connections, those of a few addresses are chosen by the kernel. */
const MANY = 2000;
const FEW = 4;
/** linux/in.h */
const protocols: { readonly [P in Protocol]: number } = { TCP: 6, UDP: 17, SCTP: 132 };

/**
 * Cuts tracked connections that are forbidden now, of those that changes concern, and returns how many
 * these were. The host, and a pod with itself, are let through. The kernel walks its whole table for
 * that, which takes it 10 ms where it has room for a million: changes are better cut together.
 */
export function cutForbidden(
  host: Netns,
  known: KnownRuleset,
  ...changes: readonly RulesetChanges[]
): number {
  return cut(host, known, new Set(changes.flatMap((each) => [...concernedEnds(known, each)])));
}

/** The same of all connections that an isolated address has, as after a start. */
export function cutAllForbidden(
  host: Netns,
  known: KnownRuleset,
  addresses: Iterable<string>,
): number {
  return cut(host, known, new Set(addresses));
}

/** One end of each connection that a change may forbid: nothing that is added to a set does. */
function concernedEnds(known: KnownRuleset, changes: RulesetChanges): ReadonlySet<string> {
  const { sets, chains, addresses } = changes;
  const ends = new Set<string>();
  for (const [text, judged] of addresses) if (judged) ends.add(text);
  for (const { removed } of sets.values()) {
    for (const { address } of removed) ends.add(formatAddress(address));
  }
  const changed = new Set([...chains].flatMap(([name, chain]) => (chain ? [name] : [])));
  if (changed.size > 0) for (const text of known.addressesBy(changed)) ends.add(text);
  return ends;
}

function cut(host: Netns, known: KnownRuleset, ends: ReadonlySet<string>): number {
  const forbidden = flowsAt(host, ends).filter((flow) => !lets(known, flow));
  if (forbidden.length === 0) return 0;
  const own = new Set(listLocalAddresses(host).map((address) => address.join()));
  const isOwn = (address: IpAddress | undefined) => address && own.has(address.join());
  const cuttable = forbidden.filter(({ from, to }) => !isOwn(from) && !isOwn(to));
  deleteFlows(
    host,
    cuttable.map(({ flow }) => flow),
  );
  return cuttable.length;
}

/** One walk finds the connections of both families; where there are many, the kernel is to choose. */
function flowsAt(host: Netns, ends: ReadonlySet<string>): readonly Seen[] {
  const count = Number(findSysctl(host, "netfilter/nf_conntrack_count") ?? MANY);
  if (ends.size === 0 || count === 0) return [];
  const addresses = [...ends].flatMap((text) => parseAddress(text) ?? []);
  const areFew = addresses.length <= FEW && addresses.every((each) => family(each) === 4);
  if (count >= MANY && areFew) {
    return addresses.flatMap((each) => [...flowsFrom(host, each), ...flowsTo(host, each)]);
  }
  const keys = new Set(addresses.map((address) => address.join()));
  const isAt = (end: IpAddress | undefined) => end !== undefined && keys.has(end.join());
  const flows = host.netfilter.dump(listAllFlows(), flowMessage, (message) =>
    seen(message).filter(({ from, to }) => isAt(from) || isAt(to)),
  );
  return flows.flat();
}

/** Whether policies let a connection through that is tracked. */
function lets(known: KnownRuleset, { from, to, protocol, port }: Seen): boolean {
  if (!from || !to) return true;
  const [source, target] = [formatAddress(from), formatAddress(to)];
  if (source === target) return true;
  const judge = (judged: string, direction: Direction, peer: IpAddress) => {
    const name = known.addressAt(judged)?.[direction];
    if (name === undefined) return true;
    const connection = { known, peer, target, protocol, port };
    return known.chainNamed(name)?.allows.some((each) => fits(each, connection)) ?? false;
  };
  return judge(source, "egress", to) && judge(target, "ingress", from);
}

/** A connection as a chain sees it. */
interface Connection {
  readonly known: KnownRuleset;
  readonly peer: IpAddress;
  readonly target: string;
  readonly protocol: number;
  readonly port: number | undefined;
}

function fits(allow: Allow, { known, peer, target, protocol, port }: Connection): boolean {
  if (isOfNamedPort(allow)) {
    return protocol === protocols[allow.protocol] && known.isIn(allow.destinations, target, port);
  }
  const { peers, ports } = allow;
  if (ports && !ports.some((each) => hasPort(each, protocol, port))) return false;
  if (!peers) return true;
  if ("set" in peers) return known.isIn(peers.set, formatAddress(peer), undefined);
  return isInBlock(peers, peer);
}

function hasPort(ports: PortRange, protocol: number, port: number | undefined): boolean {
  if (protocols[ports.protocol] !== protocol) return false;
  const { range } = ports;
  return range === undefined || (port !== undefined && port >= range[0] && port <= range[1]);
}

function isInBlock({ block, except }: Block, address: IpAddress): boolean {
  return containsAddress(block, address) && !except.some((each) => containsAddress(each, address));
}
