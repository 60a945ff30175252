/** What has changed on a stage between two moments, in the order in which it is told. */

import { readTextIfPresent } from "../host/file.ts";
import type { FileStatus } from "../host/file-status.ts";
import { listLinks } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import { listFiles } from "./files.ts";
import type { Stage } from "./stage.ts";
import { readSysctls, type Sysctls } from "./sysctls.ts";
import { type Detail, kinds, type Thing } from "./thing.ts";
import { type LinksOfTwo, thingsOf } from "./things.ts";

/** Where a thing is; files are nobody's. */
export type Where = "host" | "container";

/** One thing that was made, changed or removed. */
export interface Change {
  readonly kind: Thing["kind"];
  readonly action: "make" | "change" | "remove";
  readonly where: Where;
  readonly what: string;
  /** All that is told of what was made or removed; of what was changed, what is other now. */
  readonly detail: Detail;
  /** The same as it was before a change. */
  readonly before?: Detail;
}

/** All that there is on a stage at one moment. */
export interface Moment {
  readonly host: Side;
  readonly container: Side;
  readonly files: ReadonlyMap<string, FileStatus>;
}

interface Side {
  readonly things: ReadonlyMap<string, Thing>;
  readonly sysctls: Sysctls;
}

/** Looks at all that there is. */
export function momentOf({ host, container, directories, ignored }: Stage): Moment {
  const [outside, inside] = [listLinks(host), listLinks(container)];
  return {
    host: {
      things: thingsByKey(host, { own: outside, others: inside }),
      sysctls: readSysctls(host, ignored),
    },
    container: {
      things: thingsByKey(container, { own: inside, others: outside }),
      sysctls: readSysctls(container),
    },
    files: listFiles(directories),
  };
}

function thingsByKey(ns: Netns, links: LinksOfTwo): ReadonlyMap<string, Thing> {
  return new Map(thingsOf(ns, links).map((thing) => [thing.key, thing]));
}

/** What is other at a later moment: what went comes first, the rest by its kind. */
export function changesBetween(before: Moment, after: Moment): readonly Change[] {
  const sides = (["host", "container"] as const).flatMap((where) => [
    ...thingChanges(before[where], after[where], where),
    ...sysctlChanges(before[where], after[where], where),
  ]);
  const rank = ({ action, kind }: Change) =>
    action === "remove" ? kinds.length - kinds.indexOf(kind) : 100 + kinds.indexOf(kind);
  return [...sides, ...fileChanges(before.files, after.files)].sort((a, b) => rank(a) - rank(b));
}

function thingChanges(before: Side, after: Side, where: Where): readonly Change[] {
  const changes: Change[] = [];
  for (const [key, { kind, what, detail }] of before.things) {
    if (!after.things.has(key)) changes.push({ kind, action: "remove", where, what, detail });
  }
  for (const [key, { kind, what, detail }] of after.things) {
    const old = before.things.get(key);
    if (!old) changes.push({ kind, action: "make", where, what, detail });
    else changes.push(...changed(old, { kind, where, what, detail }));
  }
  return changes;
}

/** A thing that is other than it was; it is named as it was before. */
function changed(old: Thing, now: Omit<Change, "action">): readonly Change[] {
  const [was, is] = [
    { name: old.what, ...old.detail },
    { name: now.what, ...now.detail },
  ];
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])].filter(
    (name) => valueIn(was, name) !== valueIn(is, name),
  );
  if (names.length === 0) return [];
  const only = (detail: Detail) =>
    Object.fromEntries(names.map((name) => [name, valueIn(detail, name) ?? ""]));
  return [{ ...now, what: old.what, action: "change", detail: only(is), before: only(was) }];
}

function valueIn(detail: Detail, name: string) {
  return Object.hasOwn(detail, name) ? detail[name] : undefined;
}

/* ---- sysctls ---- */

/** Those of a new link are told if they are other than what new links get; those of a gone one not. */
function sysctlChanges(before: Side, after: Side, where: Where): readonly Change[] {
  const changes: Change[] = [];
  for (const [name, value] of after.sysctls) {
    const old = before.sysctls.get(name) ?? after.sysctls.get(asDefault(name));
    if (old === undefined || old === value || isFollowing(name, value, { before, after })) continue;
    if (!before.sysctls.has(name) && isKernels(name, value)) continue;
    const what = `net/${name}`;
    const [detail, was] = [{ value }, { value: old }];
    changes.push({ kind: "sysctl", action: "change", where, what, detail, before: was });
  }
  return changes;
}

/** What new links get by what they are, whatever the default is. */
function isKernels(name: string, value: string): boolean {
  return /\/(mtu|forwarding)$/.test(name) || (name.endsWith("/accept_dad") && value === "-1");
}

function asDefault(name: string): string {
  return name.replace(/\/(conf|neigh)\/.*\//, "/$1/default/");
}

/** True for what the kernel sets for each link, since it was set for all of them. */
function isFollowing(
  name: string,
  value: string,
  { before, after }: { readonly before: Side; readonly after: Side },
): boolean {
  const leaders = [
    name.replace(/\/conf\/.*\//, "/conf/all/"),
    ...(/^ipv4\/conf\/.*\/forwarding$/.test(name) ? ["ipv4/ip_forward"] : []),
  ];
  return leaders.some(
    (leader) =>
      leader !== name &&
      after.sysctls.get(leader) === value &&
      before.sysctls.get(leader) !== value,
  );
}

/* ---- files ---- */

/** Of longer ones only the length is told. */
const LONGEST_TEXT = 4096;

function fileChanges(
  before: ReadonlyMap<string, FileStatus>,
  after: ReadonlyMap<string, FileStatus>,
): readonly Change[] {
  const of = (action: Change["action"], path: string, status: FileStatus): Change => {
    const { isDirectory, permissions, size } = status;
    const mode = permissions.toString(8);
    const content = action === "remove" ? {} : contentOf(path, status);
    const detail = isDirectory ? { mode, directory: true } : { mode, size, ...content };
    return { kind: "file", action, where: "host", what: path, detail };
  };
  const gone = [...before].filter(([path]) => !after.has(path));
  const others = [...after].flatMap(([path, status]) => {
    const old = before.get(path);
    if (!old) return [of("make", path, status)];
    return status.isDirectory || isSame(old, status) ? [] : [of("change", path, status)];
  });
  return [...gone.map(([path, status]) => of("remove", path, status)), ...others];
}

function isSame(a: FileStatus, b: FileStatus): boolean {
  return (
    a.inode === b.inode &&
    a.size === b.size &&
    a.changedSeconds === b.changedSeconds &&
    a.changedNanoseconds === b.changedNanoseconds
  );
}

function contentOf(path: string, { isFile, size }: FileStatus): Detail {
  if (!isFile || size > LONGEST_TEXT) return {};
  return { text: readTextIfPresent(path) ?? "" };
}
