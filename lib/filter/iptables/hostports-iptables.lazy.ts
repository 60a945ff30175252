/**
 * Ports of this host that lead to containers, by iptables, in the chains the reference plugin uses:
 *
 *   PREROUTING, OUTPUT       to an address of this host: CNI-HOSTPORT-DNAT
 *   CNI-HOSTPORT-DNAT        the ports of a container: CNI-DN-…
 *   CNI-DN-…                 from its subnet or 127.0.0.1: CNI-HOSTPORT-SETMARK; all: DNAT
 *   POSTROUTING              CNI-HOSTPORT-MASQ, which masquerades what has the mark
 *
 * Interfaces of one container share a chain; the comment of a rule tells which it is for.
 */

import { type Family, formatAddress } from "../../ip/address.ts";
import { NetError } from "../../net/error.ts";
import { collect, type Marked, type Shelf } from "../../net/inventory.ts";
import type { Netns } from "../../net/netns.ts";
import { isSibling, type Owner } from "../../net/owner.ts";
import { goneFinder, type Holder } from "../port-holder.ts";
import {
  type FormerPort,
  familyOf,
  type HostPort,
  type HostPorts,
  type PortMapping,
  type PortOptions,
} from "../port-mapping.ts";
import { deleteHostPortLeftovers } from "../reference/hostport-tables.ts";
import { portChainName } from "../reference/names.ts";
import { hasNatTable } from "../reference/tables.ts";
import {
  type FoundPort,
  holderOf,
  isPortOf,
  jumpsInto,
  nameHolder,
  namesIn,
  portsNumbered,
  portsOfNetwork,
  portsOfOwner,
  removalOf,
} from "./found-ports.ts";
import { interfaceComment, portGroups, rulesFor, type Wanted } from "./hostport-rules.ts";
import { lockTables, requireTable, type Table } from "./iptables.ts";
import { natFlavour, natTables } from "./nat.ts";
import { hasChain, insertionOf, newChains } from "./rule.ts";

/**
 * Leads ports to a container; throws NetError (conflict) if another attachment has one of them and
 * may not be gone. One that another interface of the same container has stays there. Returns what was
 * taken over from those that are gone, in words.
 */
export function addHostPorts(
  host: Netns,
  wanted: HostPorts,
  options: PortOptions,
): readonly string[] {
  const lost: string[] = [];
  let done = 0;
  try {
    for (const target of wanted.targets) {
      lockTables(() => {
        const table = natTable(host, familyOf(target));
        lost.push(...addRules(host, table, { wanted, target, options }));
      });
      done++;
    }
    return lost;
  } catch (cause) {
    if (done > 0) deleteHostPorts(host, wanted.owner);
    throw cause;
  }
}

function natTable(host: Netns, of: Family): Table {
  return requireTable(host, "nat", { family: of, flavour: natFlavour(host, of) });
}

/** Takes the place of what the attachment had before, and of what those have who are gone. */
function addRules(host: Netns, table: Table, asked: Wanted): readonly string[] {
  const found = table.list();
  const wanted = withoutPortsOfSiblings(found, asked);
  if (wanted.target.mappings.length === 0) return [];
  const { chains, first, last, inChain, jumps } = rulesFor(wanted);
  const { owner } = wanted.wanted;
  const taken = takenBy(found, wanted);
  const isGone = goneFinder(host);
  const kept = taken.find(({ holder }) => !isGone(holder));
  if (kept) throw conflict(owner, kept);
  const losers = taken.flatMap(({ holder }) => holder.owner ?? []);
  const stale = [...losers, owner].flatMap((each) => portsOfOwner(found, each));
  const distinct = Array.from(new Map(stale.map((rule) => [rule.line, rule])).values());
  table.change([
    ...removalOf(found, distinct).filter((line) => line !== `-X ${portChainName(owner)}`),
    ...newChains(found, chains),
    ...first.filter((line) => !found.includes(line)).map(insertionOf),
    ...last.filter((line) => !found.includes(line)),
    ...inChain,
    ...jumps,
  ]);
  return taken.map(({ what, whose }) => `${what} of ${whose}`);
}

/** What is wanted without the ports that other interfaces of the container have. */
function withoutPortsOfSiblings(lines: readonly string[], wanted: Wanted): Wanted {
  const theirs = takenBy(lines, wanted)
    .filter(({ holder }) => isSibling(holder.owner, wanted.wanted.owner))
    .map(({ mapping }) => mapping);
  const mappings = wanted.target.mappings.filter((mapping) => !theirs.includes(mapping));
  return { ...wanted, target: { ...wanted.target, mappings } };
}

/** A port that somebody else has. */
interface Taken {
  readonly mapping: PortMapping;
  readonly holder: Holder;
  readonly what: string;
  readonly whose: string;
}

/** Which of the ports lead elsewhere, by the rules of somebody else. */
function takenBy(lines: readonly string[], { wanted, target }: Wanted): readonly Taken[] {
  const numbers = target.mappings.map(({ port }) => port);
  const isOwn = isPortOf(wanted.owner);
  const foreign = portsNumbered(lines, numbers).filter((found) => !isOwn(found));
  return target.mappings.flatMap((mapping) =>
    foreign
      .filter(({ port }) => overlaps(port, mapping))
      .map((found) => ({
        mapping,
        holder: holderOf(lines, found),
        what: `${mapping.protocol} port ${mapping.port}`,
        whose: nameHolder(lines, found),
      })),
  );
}

function conflict({ ifName }: Owner, { what, whose }: Taken): NetError {
  return new NetError("conflict", `Cannot map ${what} to "${ifName}": it is taken by ${whose}`);
}

function overlaps(taken: HostPort | undefined, { protocol, port, address }: HostPort): boolean {
  if (taken?.protocol !== protocol || taken.port !== port) return false;
  const isOther =
    address && taken.address && formatAddress(address) !== formatAddress(taken.address);
  return !isOther;
}

/** What is missing, in words; undefined if all ports lead to the container. */
export function findHostPortFault(
  host: Netns,
  wanted: HostPorts,
  options: PortOptions,
): string | undefined {
  for (const target of wanted.targets) {
    const of = familyOf(target);
    const found = hasNatTable(host, of) ? natTable(host, of).list() : [];
    const missing = findMissing(found, { wanted, target, options });
    if (missing) return `the nat table of IPv${of} has no ${missing}`;
  }
  return undefined;
}

/** A rule of the reference plugin, which names no interface, is as good. */
function findMissing(lines: readonly string[], asked: Wanted): string | undefined {
  const wanted = withoutPortsOfSiblings(lines, asked);
  if (wanted.target.mappings.length === 0) return undefined;
  const { chains, first, last, inChain } = rulesFor(wanted);
  const chain = chains.find((name) => !hasChain(lines, name));
  if (chain) return `chain ${chain}`;
  const { owner } = wanted.wanted;
  const asReference = (line: string) => line.replace(` ${interfaceComment(owner)}`, "");
  const rule = [...first, ...last, ...inChain].find(
    (line) => !lines.includes(line) && !lines.includes(asReference(line)),
  );
  if (rule) return `rule ${rule}`;
  const jumps = jumpsInto(lines, portChainName(owner)).map(({ jump }) => jump);
  const group = portGroups(wanted.target).find(
    ({ protocol, ports }) =>
      !jumps.some((jump) => jump?.protocol === protocol && jump.ports === ports),
  );
  return group && `jump for ${group.protocol} ports ${group.ports}`;
}

/** Takes back an attachment's ports, and those that the reference plugin left for its container. */
export function deleteHostPorts(host: Netns, owner: Owner): readonly FormerPort[] {
  deleteHostPortLeftovers(host, owner.containerID);
  return natTables(host).flatMap((table) => {
    const former = lockTables(() => {
      const found = table.list();
      const own = portsOfOwner(found, owner);
      table.change(removalOf(found, own));
      return own;
    });
    return former.flatMap(({ port }) => (port ? [{ ...port, family: table.family }] : []));
  });
}

/** Takes back the ports of all attachments of a network but the valid ones. */
export function collectHostPorts(host: Netns, network: string, valid: readonly Owner[]): void {
  for (const shelf of hostPortShelves(host)) {
    lockTables(() => collect(shelf, network, valid));
  }
}

/** A rule, and all that its table had when it was found. */
interface OwnedPort extends Marked {
  readonly rule: FoundPort;
  readonly found: readonly string[];
}

/** The rules of all attachments, of each family: list and remove under one lock, `lockTables`. */
export function hostPortShelves(host: Netns): readonly Shelf<OwnedPort>[] {
  return natTables(host).map(shelfOf);
}

/** A mark is a chain and an interface; a rule of the reference plugin, which names none, has the chain alone. */
function shelfOf(table: Table): Shelf<OwnedPort> {
  return {
    kind: "rule",
    list: (network) => {
      const found = table.list();
      const ports = portsOfNetwork(found, network);
      return ports.map((rule) => ({ mark: markOf(rule), ...namesIn(found, rule), rule, found }));
    },
    marksOf: (owner) => {
      const chain = portChainName(owner);
      return [chain, markOf({ chain, ifName: owner.ifName })];
    },
    inWords: ({ rule }) => `rule ${rule.line} in the ${table.inWords}`,
    remove: (owned) => {
      const [first] = owned;
      if (first)
        table.change(
          removalOf(
            first.found,
            owned.map(({ rule }) => rule),
          ),
        );
    },
  };
}

function markOf({ chain, ifName }: Pick<FoundPort, "chain" | "ifName">): string {
  return ifName === undefined ? chain : `${chain} ${ifName}`;
}
