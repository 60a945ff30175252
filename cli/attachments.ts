/**
 * The attachments of a network on this host, and which of them live: those that are kept, whoever
 * made them, and those that only what they have here tells of.
 */

import type { Attachment } from "../lib/cni/call.ts";
import { isObject, type Json, type JsonObject } from "../lib/cni/json.ts";
import { addressesIn, isYoung, watcher } from "../lib/inventory/alive.ts";
import {
  type Directories,
  inventoryOf,
  inventoryOfOwner,
  type Possession,
  usualDirectories,
} from "../lib/inventory/inventory.ts";
import { ownNetns } from "../lib/net/netns.ts";
import { type Kept, listKept } from "./cache.ts";
import type { NetworkList } from "./list-file.ts";

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
  const directories = directoriesOf(list);
  const things = inventoryOf(host, network, directories);
  const known = new Map(kept.map((each) => [nameOf(each), each]));
  const others = unkept(network, things, kept);
  const signOf = watcher(host);
  const owners = new Map([...others, ...kept].map((each) => [nameOf(each), each]));
  const attachments = [...owners].map(([name, { containerID, ifName }]) => {
    const owner = { network, containerID, ifName };
    const own = things.filter((each) => isOwn(each, owner));
    return judge({ owner, kept: known.get(name), own }, signOf);
  });
  const explained = kept.flatMap((each) => inventoryOfOwner(host, each, directories));
  return { attachments, nameless: namelessIn(things, explained) };
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
  const isKnown = (container: string) => named.some((each) => each.containerID === container);
  return things.flatMap(({ containerID, ifName }) => {
    if (containerID === undefined || (ifName === undefined && isKnown(containerID))) return [];
    return [{ network, containerID, ifName: ifName ?? "eth0" }];
  });
}

interface Case {
  readonly owner: Attachment;
  readonly kept: Kept | undefined;
  readonly own: readonly Possession[];
}

function judge({ owner, kept, own }: Case, signOf: ReturnType<typeof watcher>): Judged {
  const netns = kept?.netns ?? "";
  const addresses = [...own.flatMap(({ what }) => addressesIn(what)), ...addressesOf(kept?.result)];
  const hostLinks = hostLinksOf(kept?.result);
  const macs = macsOf(kept?.result, owner.ifName);
  const sign = signOf({ owner, netns, hostLinks, macs, addresses });
  const living = (why: string) => ({ owner, kept, isAlive: true, why });
  const gone = (why: string) => ({ owner, kept, isAlive: false, why });
  if (sign !== undefined) return living(sign);
  if (kept && netns !== "") return gone(`its namespace ${netns} is gone`);
  if (addresses.length === 0) return living("nobody can tell whether it lives");
  const isNew = own.some(
    ({ kind, what }) => kind === "lease" && isYoung(pathIn(what), YOUNG_SECONDS),
  );
  if (isNew) return living(`its lease is less than ${YOUNG_SECONDS / 60} minutes old`);
  return gone("no namespace has its interface");
}

/** Where configurations keep leases, besides the usual place. */
function directoriesOf(list: NetworkList | undefined): Directories {
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

/** Things whose mark is a hash that no known attachment explains; a device of the network is none. */
function namelessIn(
  things: readonly Possession[],
  explained: readonly Possession[],
): readonly string[] {
  const marks = new Set(explained.map(({ mark }) => mark));
  return things
    .filter(({ containerID, mark }) => containerID === undefined && !marks.has(mark))
    .filter(({ mark }) => !mark.startsWith("weft-overlay "))
    .map(({ what }) => what);
}

function pathIn(lease: string): string {
  return lease.slice(lease.indexOf("/"));
}

/* ---- results, of whatever version ---- */

function addressesOf(result: Json | undefined): readonly string[] {
  if (!isObject(result)) return [];
  const { ip4, ip6 } = result;
  const first = [ip4, ip6].flatMap((each) => (isObject(each) ? [each.ip] : []));
  const texts = [...first, ...objectsIn(result.ips).map(({ address }) => address)];
  return texts.flatMap((text) => (typeof text === "string" ? addressesIn(text) : []));
}

function hostLinksOf(result: Json | undefined): readonly string[] {
  const links = isObject(result) ? objectsIn(result.interfaces) : [];
  return links.flatMap(({ name, sandbox }) =>
    typeof name === "string" && (sandbox ?? "") === "" ? [name] : [],
  );
}

/** The MACs of the container's interface; its name alone may be that of a link on the host. */
function macsOf(result: Json | undefined, ifName: string): readonly string[] {
  const links = isObject(result) ? objectsIn(result.interfaces) : [];
  return links.flatMap(({ name, mac, sandbox }) =>
    name === ifName && typeof mac === "string" && mac !== "" && (sandbox ?? "") !== ""
      ? [mac.toLowerCase()]
      : [],
  );
}

function objectsIn(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
