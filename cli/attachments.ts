/**
 * The attachments of a network on this host, and which of them live: those that are kept, whoever
 * made them, and those that only what they have here tells of.
 */

import type { Attachment } from "../lib/cni/call.ts";
import { isObject } from "../lib/cni/json.ts";
import { addressesIn, isYoung, type Watcher, watcher } from "../lib/inventory/alive.ts";
import {
  type Directories,
  inventoryOf,
  type Possession,
  usualDirectories,
} from "../lib/inventory/inventory.ts";
import { grouped } from "../lib/net/grouped.ts";
import { ownNetns } from "../lib/net/netns.ts";
import { type Kept, listKept } from "./cache.ts";
import type { NetworkList } from "./list-file.ts";
import { addressesOf, hostLinksOf, macsOf } from "./results.ts";

/** An attachment, and why it counts as living or as gone. */
export interface Judged {
  readonly owner: Attachment;
  readonly kept: Kept | undefined;
  readonly isAlive: boolean;
  readonly why: string;
}

/** What is found of a network. */
export interface Found {
  readonly attachments: readonly Judged[];
  /** What is there of attachments that nobody can name, in words. */
  readonly nameless: readonly string[];
}

/** A runtime that attaches at this moment has kept nothing yet: what is as young is left alone. */
const YOUNG_SECONDS = 600;

/** Finds and judges the attachments of a network. Nothing is changed. */
export function attachmentsOf(network: string, list: NetworkList | undefined): Found {
  const host = ownNetns();
  const kept = listKept().filter((each) => each.network === network);
  const things = inventoryOf(host, network, { directories: directoriesOf(list), known: kept });
  const known = new Map(kept.map((each) => [nameOf(each), each]));
  const byContainer = grouped(things, ({ containerID }) => containerID);
  const others = unkept(network, things, kept);
  const signOf = watcher(host);
  const owners = new Map([...others, ...kept].map((each) => [nameOf(each), each]));
  const attachments = [...owners].map(([name, { containerID, ifName }]) => {
    const owner = { network, containerID, ifName };
    const own = (byContainer.get(containerID) ?? []).filter((each) => isOwn(each, owner));
    return judge(evidenceOf({ owner, kept: known.get(name) }, own), signOf);
  });
  return { attachments, nameless: namelessIn(things) };
}

/**
 * Whose things are that nothing is kept of. What names a container without an interface belongs to
 * those of its interfaces that are known, or else to the usual one.
 */
function unkept(
  network: string,
  things: readonly Possession[],
  kept: readonly Kept[],
): readonly Attachment[] {
  const named = [...things.filter(({ ifName }) => ifName !== undefined), ...kept];
  const known = new Set(named.map(({ containerID }) => containerID));
  return things.flatMap(({ containerID, ifName }) => {
    if (containerID === undefined || (ifName === undefined && known.has(containerID))) return [];
    return [{ network, containerID, ifName: ifName ?? "eth0" }];
  });
}

/** An attachment, what is kept of it, and what else tells of it. */
export interface Evidence {
  readonly owner: Attachment;
  readonly kept: Kept | undefined;
  /** The addresses that it has something for on this host, without lengths. */
  readonly addresses: readonly string[];
  /** The files of its leases. */
  readonly leases: readonly string[];
}

function evidenceOf(
  { owner, kept }: Pick<Evidence, "owner" | "kept">,
  own: readonly Possession[],
): Evidence {
  const leases = own.filter(({ kind }) => kind === "lease").map(({ what }) => pathIn(what));
  return { owner, kept, addresses: own.flatMap(({ what }) => addressesIn(what)), leases };
}

/** Says of an attachment whether it lives, and why. */
export function judge({ owner, kept, ...found }: Evidence, signOf: Watcher): Judged {
  const netns = kept?.netns ?? "";
  const addresses = [...found.addresses, ...addressesOf(kept?.result)];
  const hostLinks = hostLinksOf(kept?.result);
  const macs = macsOf(kept?.result, owner.ifName);
  const sign = signOf({ owner, netns, hostLinks, macs, addresses });
  const living = (why: string) => ({ owner, kept, isAlive: true, why });
  const gone = (why: string) => ({ owner, kept, isAlive: false, why });
  if (sign !== undefined) return living(sign);
  if (kept && netns !== "") return gone(`its namespace ${netns} is gone`);
  if (addresses.length === 0) return living("nobody can tell whether it lives");
  if (found.leases.some((path) => isYoung(path, YOUNG_SECONDS))) {
    return living(`its lease is less than ${YOUNG_SECONDS / 60} minutes old`);
  }
  return gone("no namespace has its interface");
}

/** Where configurations keep leases, besides the usual place. */
export function directoriesOf(list: NetworkList | undefined): Directories {
  const named = (list?.plugins ?? []).flatMap(({ ipam }) => {
    const dataDir = isObject(ipam) ? ipam.dataDir : undefined;
    return typeof dataDir === "string" && dataDir.startsWith("/") ? [dataDir] : [];
  });
  return { ...usualDirectories, leases: [...new Set([...usualDirectories.leases, ...named])] };
}

function nameOf({ containerID, ifName }: Attachment): string {
  return `${containerID} ${ifName}`;
}

function isOwn({ containerID, ifName }: Possession, owner: Attachment): boolean {
  return containerID === owner.containerID && (ifName ?? owner.ifName) === owner.ifName;
}

/** What nobody can name; a device of the network is no attachment's. */
function namelessIn(things: readonly Possession[]): readonly string[] {
  return things
    .filter(({ containerID, mark }) => containerID === undefined && !mark.startsWith(OVERLAY))
    .map(({ what }) => what);
}

/** What the marks of a network's own devices begin with. */
const OVERLAY = "weft-overlay ";

function pathIn(lease: string): string {
  return lease.slice(lease.indexOf("/"));
}
