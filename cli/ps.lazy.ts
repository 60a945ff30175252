/**
 * `weft ps`: the attachments of this host by network, whoever made them.
 *
 *   what runtimes keep of results ─┐
 *   aliases, elements, leases      ┴▶ each judged: alive or gone ─▶ a line each
 */

import { flannelsContainers } from "../lib/inventory/delegated.ts";
import type { Glance } from "../lib/inventory/glance.ts";
import { usualDirectories } from "../lib/inventory/inventory.ts";
import { type Attached, allAttachments } from "./see/attached.ts";
import { columns, orDash } from "./see/columns.ts";
import {
  addressesTold,
  type Maker,
  type Mapping,
  makerOf,
  mappingInWords,
  mappingsOf,
  type Rates,
  ratesInWords,
  ratesOf,
} from "./see/facts.ts";
import { saying } from "./see/say.ts";
import { DATA_DIR, dataDirsIn, sortWords } from "./see/words.ts";

/** Lists attachments: 0, 1 if something could not be looked at, undefined if called wrongly. */
export function run(words: readonly string[]): number | undefined {
  const sorted = sortWords(words, { flags: ["--json", "--wide"], values: [DATA_DIR] });
  const dataDirs = sorted && dataDirsIn(sorted);
  if (!sorted || !dataDirs || sorted.names.length > 1) return undefined;
  const [network] = sorted.names;
  return saying(sorted.flags.includes("--json"), () => {
    const { rows, faults } = rowsOf(network, dataDirs);
    return { json: rows, lines: () => tableOf(rows, sorted.flags.includes("--wide")), faults };
  });
}

/** An attachment as it is told to programs. */
interface Row {
  readonly network: string;
  readonly containerID: string;
  readonly ifName: string;
  /** "" if it is not known. */
  readonly netns: string;
  readonly isAlive: boolean;
  readonly why: string;
  readonly addresses: readonly string[];
  readonly hostPorts: readonly Mapping[];
  readonly rates: Rates;
  readonly madeBy: Maker;
  readonly plugins: readonly string[];
  /** The names of its links on the host. */
  readonly links: readonly string[];
}

function rowsOf(network: string | undefined, dataDirs: readonly string[]) {
  const { attached, glance, faults } = allAttachments(dataDirs);
  const isFlannels = flannelsContainers(usualDirectories.delegated);
  const wanted = attached.filter(({ owner }) => network === undefined || owner.network === network);
  const rows = wanted.map((each) => rowOf(each, glance, isFlannels));
  return { rows, faults };
}

function rowOf(
  attached: Attached,
  glance: Glance,
  isFlannels: (containerID: string) => boolean,
): Row {
  const { owner, kept, isAlive, why, plugins, links } = attached;
  return {
    ...owner,
    netns: kept?.netns ?? "",
    isAlive,
    why,
    addresses: addressesTold(attached),
    hostPorts: mappingsOf(attached),
    rates: ratesOf(attached, glance),
    madeBy: makerOf(attached, isFlannels),
    plugins,
    links: links.map(({ name }) => name),
  };
}

/* ---- for people ---- */

const head = ["NETWORK", "CONTAINER", "INTERFACE", "STATE", "ADDRESSES", "PORTS", "RATES"];

function tableOf(rows: readonly Row[], isWide: boolean): readonly string[] {
  const nameOf = isWide ? (id: string) => id : shortener(rows.map((row) => row.containerID));
  const more = isWide ? ["MADE BY", "LINKS", "NAMESPACE", "WHY"] : ["MADE BY", "NAMESPACE"];
  const cells = rows.map((row) => [
    ...[row.network, nameOf(row.containerID), row.ifName, row.isAlive ? "alive" : "gone"],
    orDash(row.addresses.join(",")),
    orDash(row.hostPorts.map(mappingInWords).join(",")),
    orDash(ratesInWords(row.rates)),
    row.madeBy,
    ...(isWide ? [orDash(row.links.join(","))] : []),
    orDash(row.netns),
    ...(isWide ? [row.why] : []),
  ]);
  return columns([[...head, ...more], ...cells]);
}

/** Digits of a container's ID that people are shown, as by `crictl` and `podman`. */
const SHORT = 12;

/** Cuts IDs that are hashes to what still tells them apart from all others. */
function shortener(ids: readonly string[]): (id: string) => string {
  const counts = new Map<string, number>();
  for (const id of new Set(ids)) {
    const short = id.slice(0, SHORT);
    counts.set(short, (counts.get(short) ?? 0) + 1);
  }
  return (id) => {
    const short = id.slice(0, SHORT);
    return /^[\da-f]{64}$/.test(id) && counts.get(short) === 1 ? short : id;
  };
}
