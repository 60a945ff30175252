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
import type { Netns } from "../../net/netns.ts";
import { type Owner, quotedNetwork } from "../../net/owner.ts";
import { goneFinder, type Holder } from "../port-holder.ts";
import {
  type FormerPort,
  familyOf,
  type HostPort,
  type HostPorts,
  type PortOptions,
} from "../port-mapping.ts";
import { deleteHostPortLeftovers } from "../reference/hostport-tables.ts";
import { portChainName } from "../reference/names.ts";
import { hasLegacyNat, hasNatTable } from "../reference/tables.ts";
import {
  DNAT,
  entries,
  holderIn,
  interfaceComment,
  isOf,
  portIn,
  rulesFor,
  type Wanted,
} from "./hostport-rules.ts";
import {
  deletionOf,
  type Flavour,
  findNatTable,
  hasChain,
  lockTables,
  quoted,
  requireTable,
  type Table,
} from "./iptables.ts";

/**
 * Leads ports to a container; throws NetError (conflict) if another attachment has one of them and
 * may not be gone. Returns what was taken over from those that are, in words.
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

function natFlavour(host: Netns, of: Family): Flavour {
  return hasLegacyNat(host, of) ? "legacy" : "default";
}

function addRules(host: Netns, table: Table, wanted: Wanted): readonly string[] {
  const { chains, first, last, own } = rulesFor(wanted);
  const { owner } = wanted.wanted;
  const found = table.list();
  const former = formerRules(found, owner);
  const taken = takenBy(found, former, wanted);
  const isGone = goneFinder(host);
  const kept = taken.find(({ holder }) => !isGone(holder));
  if (kept) throw conflict(owner, kept);
  const stale = new Set(
    taken.flatMap(({ holder }) => (holder.owner ? formerRules(found, holder.owner) : [])),
  );
  table.change([
    ...removal(found, Array.from(stale)).filter((line) => line !== `-X ${portChainName(owner)}`),
    ...chains.filter((chain) => !hasChain(found, chain)).map((chain) => `-N ${chain}`),
    ...former.map(deletionOf),
    ...first.filter((line) => !found.includes(line)).map(insertionOf),
    ...last.filter((line) => !found.includes(line)),
    ...own,
  ]);
  return taken.map(({ what, whose }) => `${what} of ${whose}`);
}

function insertionOf(line: string): string {
  return line.replace(/^-A (\S+)/, "-I $1 1");
}

/** What is there for an attachment: what names its interface, or, as the reference's, names none. */
function formerRules(found: readonly string[], owner: Owner): readonly string[] {
  const chain = portChainName(owner);
  const isOfChain = (line: string) =>
    line.startsWith(`-A ${chain} `) ||
    (line.startsWith(`-A ${DNAT} `) && line.endsWith(` -j ${chain}`));
  return found.filter((line) => isOfChain(line) && isOf(line, owner));
}

/** A port that somebody else has. */
interface Taken {
  readonly holder: Holder;
  readonly what: string;
  readonly whose: string;
}

/** The rules of somebody else that lead one of the ports elsewhere. */
function takenBy(
  found: readonly string[],
  former: readonly string[],
  { target }: Wanted,
): readonly Taken[] {
  const own = new Set(former);
  const foreign = found.filter((line) => line.includes(" -j DNAT ") && !own.has(line));
  return target.mappings.flatMap((mapping) =>
    foreign
      .filter((line) => overlaps(portIn(line), mapping))
      .map((line) => ({
        holder: holderIn(found, line),
        what: `${mapping.protocol} port ${mapping.port}`,
        whose: nameHolder(found, line),
      })),
  );
}

function nameHolder(found: readonly string[], line: string): string {
  const chain = line.split(" ")[1] ?? "";
  const entry = found.find(
    (each) => each.startsWith(`-A ${DNAT} `) && each.endsWith(` -j ${chain}`),
  );
  const name = /name: \\"(.*?)\\" id: \\"(.*?)\\"/.exec(entry ?? "");
  return name ? `container "${name[2]}" in network "${name[1]}"` : `chain "${chain}"`;
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
export function checkHostPorts(
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
function findMissing(found: readonly string[], wanted: Wanted): string | undefined {
  const { chains, first, last, own } = rulesFor(wanted);
  const chain = chains.find((name) => !hasChain(found, name));
  if (chain) return `chain ${chain}`;
  const { owner } = wanted.wanted;
  const isEntry = (line: string) => line.startsWith(`-A ${DNAT} `);
  const isThere = (line: string) =>
    found.includes(line) || found.includes(line.replace(` ${interfaceComment(owner)}`, ""));
  const rules = [...first, ...last, ...own.filter((line) => !isEntry(line))];
  const rule = rules.find((line) => !isThere(line));
  if (rule) return `rule ${rule}`;
  const jumps = found.filter(
    (line) => isEntry(line) && line.endsWith(` -j ${portChainName(owner)}`),
  );
  const entry = entries(wanted.target).find(
    ({ protocol, ports }) =>
      !jumps.some(
        (line) => line.includes(` -p ${protocol} `) && line.includes(` --dports ${ports} `),
      ),
  );
  return entry && `jump for ${entry.protocol} ports ${entry.ports}`;
}

/** Takes back an attachment's ports, and those that the reference plugin left for its container. */
export function deleteHostPorts(host: Netns, owner: Owner): readonly FormerPort[] {
  deleteHostPortLeftovers(host, owner.containerID);
  return eachTable(host).flatMap(({ of, table }) => {
    let former: readonly string[] = [];
    lockTables(() => {
      const found = table.list();
      former = formerRules(found, owner);
      const lines = removal(found, former);
      if (lines.length > 0) table.change(lines);
    });
    return former.flatMap((line) => {
      const port = line.includes(" -j DNAT ") ? portIn(line) : undefined;
      return port ? [{ ...port, family: of }] : [];
    });
  });
}

function eachTable(host: Netns) {
  return ([4, 6] as const).flatMap((of) => {
    const isThere = hasNatTable(host, of);
    const table = isThere ? findNatTable(host, of, natFlavour(host, of)) : undefined;
    return table ? [{ of, table }] : [];
  });
}

/** Rules, and the chains that are empty without them. */
function removal(found: readonly string[], stale: readonly string[]): readonly string[] {
  const gone = new Set(stale);
  const chains = found.flatMap((line) => /^:(CNI-DN-\S+) /.exec(line)?.[1] ?? []);
  const isUsed = (chain: string) =>
    found.some(
      (line) =>
        !gone.has(line) && (line.startsWith(`-A ${chain} `) || line.endsWith(` -j ${chain}`)),
    );
  const touched = chains.filter((chain) => stale.some((line) => line.includes(chain)));
  const free = touched.filter((chain) => !isUsed(chain));
  return [...stale.map(deletionOf), ...free.map((chain) => `-X ${chain}`)];
}

/** Takes back the ports of all attachments of a network but the valid ones. */
export function collectHostPorts(host: Netns, network: string, valid: readonly Owner[]): void {
  const kept = new Set(valid.map((owner) => `${portChainName(owner)} ${owner.ifName}`));
  const containers = new Set(valid.map(portChainName));
  const marks = quotedNetwork(network).map(quoted);
  for (const { table } of eachTable(host)) {
    lockTables(() => {
      const found = table.list();
      const chains = new Set(
        found
          .filter(
            (line) => line.startsWith(`-A ${DNAT} `) && marks.some((mark) => line.includes(mark)),
          )
          .map((line) => line.slice(line.lastIndexOf(" ") + 1)),
      );
      const lines = removal(
        found,
        found.filter((line) => isStale(line, chains, { kept, containers })),
      );
      if (lines.length > 0) table.change(lines);
    });
  }
}

interface Kept {
  /** Chain and interface of each attachment, and the chains alone. */
  readonly kept: ReadonlySet<string>;
  readonly containers: ReadonlySet<string>;
}

function isStale(line: string, chains: ReadonlySet<string>, { kept, containers }: Kept): boolean {
  const chain = /^-A (CNI-DN-\S+)|^-A CNI-HOSTPORT-DNAT .* -j (\S+)$/.exec(line);
  const name = chain?.[1] ?? chain?.[2];
  if (name === undefined || !chains.has(name)) return false;
  const ifName = /interface (.*?)" -/.exec(line)?.[1];
  return ifName === undefined ? !containers.has(name) : !kept.has(`${name} ${ifName}`);
}
