/**
 * `weft ipam ls|show|free`: the addresses that networks give on this host, who has them, and giving
 * back what nobody has any more.
 */

import { CniError, Code } from "../lib/cni/error.ts";
import { timeText } from "../lib/cni/time-text.ts";
import { orFault } from "../lib/inventory/glance.ts";
import { usualDirectories } from "../lib/inventory/inventory.ts";
import { leasesOfDhcp } from "../lib/inventory/pools.ts";
import type { Attachments } from "./see/attached.ts";
import { columns, orDash } from "./see/columns.ts";
import { free } from "./see/free.ts";
import { type Pool, poolsOf, usesOf } from "./see/pools.ts";
import { type Said, saying } from "./see/say.ts";
import { DATA_DIR, dataDirsIn, sortWords } from "./see/words.ts";

/** Shows pools and addresses, or frees some: 0, 1, or undefined if called wrongly. */
export function run([command, ...words]: readonly string[]): number | undefined {
  const sorted = sortWords(words, { flags: ["--json"], values: [DATA_DIR] });
  const dataDirs = sorted && dataDirsIn(sorted);
  if (!sorted || !dataDirs) return undefined;
  const { names, flags } = sorted;
  const [network, ...addresses] = names;
  const isJson = flags.includes("--json");
  if (command === "ls" && names.length === 0) return saying(isJson, () => list(dataDirs));
  if (network === undefined) return undefined;
  if (command === "show" && names.length === 1)
    return saying(isJson, () => show(network, dataDirs));
  if (command !== "free" || addresses.length === 0) return undefined;
  return saying(isJson, () => free({ network, addresses, dataDirs }));
}

/* ---- ls ---- */

interface PoolRow {
  readonly network: string;
  readonly type: "host-local" | "dhcp";
  /** As `10.1.0.1-10.1.0.254`; none if no configuration tells. */
  readonly ranges: readonly string[];
  readonly size: number | undefined;
  readonly used: number;
  readonly free: number | undefined;
  readonly stale: number;
  readonly lastReserved: string | undefined;
  readonly dataDir: string;
}

function list(dataDirs: readonly string[]): Said {
  const { pools, attachments, faults } = poolsOf(undefined, dataDirs);
  const dhcp = dhcpIn(attachments);
  const rows = [...pools.flatMap(poolRows), ...dhcpRows(dhcp.leases)];
  const head = ["NETWORK", "TYPE", "RANGE", "SIZE", "USED", "FREE", "STALE", "LAST"];
  const cells = rows.map((row) => [
    ...[row.network, row.type, orDash(row.ranges.join(",")), numberOr(row.size), `${row.used}`],
    ...[numberOr(row.free), `${row.stale}`, row.lastReserved ?? "-", row.dataDir],
  ]);
  const all = [...new Set([...faults, ...dhcp.faults])];
  return { json: rows, lines: () => columns([[...head, "KEPT IN"], ...cells]), faults: all };
}

function numberOr(count: number | undefined): string {
  return count === undefined ? "-" : `${count}`;
}

function poolRows(pool: Pool): readonly PoolRow[] {
  const { network, dataDir } = pool;
  return usesOf(pool).map(({ ranges, size, used, stale, lastReserved }) => {
    const left = size === undefined ? undefined : Math.max(0, size - used);
    return {
      ...{ network, type: "host-local" as const, ranges, size, used, free: left, stale },
      ...{ lastReserved, dataDir },
    };
  });
}

/** What servers may give is not known here. */
function dhcpRows(leases: readonly Address[]): readonly PoolRow[] {
  const networks = [...new Set(leases.map(({ network }) => network))];
  return networks.map((network) => {
    const own = leases.filter((lease) => lease.network === network);
    const stale = own.filter(({ isAlive }) => !isAlive).length;
    const unknown = { size: undefined, free: undefined, lastReserved: undefined };
    const dataDir = usualDirectories.dhcp;
    return { network, type: "dhcp", ranges: [], used: own.length, stale, dataDir, ...unknown };
  });
}

/* ---- show ---- */

/** An address that is held. */
interface Address {
  readonly network: string;
  readonly type: "host-local" | "dhcp";
  readonly address: string;
  readonly containerID: string;
  readonly ifName: string | undefined;
  /** When it was reserved; undefined if that is not known. */
  readonly since: string | undefined;
  readonly isAlive: boolean;
  readonly why: string;
  readonly path: string;
}

function show(network: string, dataDirs: readonly string[]): Said {
  const { pools, attachments, faults } = poolsOf(network, dataDirs);
  const dhcp = dhcpIn(attachments);
  const leases = dhcp.leases.filter((lease) => lease.network === network);
  const all = [...new Set([...faults, ...dhcp.faults])];
  if (pools.length + leases.length === 0 && all.length === 0) throw unknown(network);
  const rows = [...pools.flatMap(addressesOf), ...leases];
  const head = ["ADDRESS", "TYPE", "CONTAINER", "INTERFACE", "SINCE", "STATE", "WHY"];
  const cells = rows.map((row) => [
    ...[row.address, row.type, orDash(row.containerID), row.ifName ?? "-", row.since ?? "-"],
    ...[row.isAlive ? "alive" : "stale", row.why],
  ]);
  return { json: rows, lines: () => columns([head, ...cells]), faults: all };
}

function unknown(network: string): CniError {
  const state =
    "no directory of reservations and no lease has that name; `weft ipam ls` tells which";
  return new CniError(Code.config, `Cannot show network "${network}": ${state}`);
}

function addressesOf({ network, holdings }: Pool): readonly Address[] {
  return holdings.map(({ address, containerID, ifName, since, isAlive, why, path }) => {
    const type = "host-local" as const;
    const time = timeText(since);
    return { network, type, address, containerID, ifName, since: time, isAlive, why, path };
  });
}

/** The leases of the dhcp daemon, each as alive as its attachment. */
function dhcpIn({ attached }: Attachments) {
  const faults: string[] = [];
  const directory = usualDirectories.dhcp;
  const found = orFault(`"${directory}"`, () => leasesOfDhcp(directory), faults) ?? [];
  const holders = new Map(
    attached.flatMap((each) => each.leases.map(({ path }) => [path, each] as const)),
  );
  const leases = found.map(({ owner, path, reported, isHeld }): Address => {
    const { isAlive = true, why = "nobody can tell whose it is" } = holders.get(path) ?? {};
    const state = isHeld ? why : `${why}; there is no lease, and one is asked for`;
    const address = reported.split("/")[0] ?? "";
    return { ...owner, type: "dhcp", address, since: undefined, isAlive, why: state, path };
  });
  return { leases, faults };
}
