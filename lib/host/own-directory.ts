/**
 * Directories that nobody but root, or the user we are, can change or exchange: files are kept in
 * no others, since whoever can put a link in our way chooses what we write to.
 *
 * That is so if every part of the path belongs to root or us, and others may not write to it. In a
 * directory like /tmp, where everybody may make files but not take those of others, a part may lie;
 * our files may not. Links are followed if they are root's or ours, in directories like that.
 *
 * Where a user namespace does not map the owner (rootless runtimes: root of the host), nobody here
 * can be meant, and it counts as root.
 */

import * as host from "host";
import { checked, EEXIST, ELOOP, ENOENT, ENOTDIR, SystemError } from "./errno.ts";
import { Failure } from "./failure.ts";
import { lazily } from "./lazy.ts";

const S_IFMT = 0o170000;
const S_IFLNK = 0o120000;
const S_IFDIR = 0o040000;
const S_ISVTX = 0o1000;
/** Who may write besides the owner; root's own group has no other members. */
const BY_OTHERS = 0o022;
const BY_EVERYBODY = 0o002;

/** As many links as the kernel follows in one path (namei.h, MAXSYMLINKS). */
const MOST_LINKS = 40;
const PATH_MAX = 4096;

/** A directory whose files others could exchange: which part of its path, and what to do. */
export class ForeignDirectory extends Failure {
  readonly state: string;

  constructor(directory: string, state: string) {
    super("system", `Cannot use directory "${directory}": ${state}`);
    this.state = state;
    this.name = "ForeignDirectory";
  }
}

/** True if there is such a directory; throws ForeignDirectory if others could exchange it. */
export function hasOwnDirectory(directory: string): boolean {
  return isOwn(directory, directory.startsWith("/") ? directory : `./${directory}`, MOST_LINKS);
}

/** Why others could exchange what is or would be in a directory, in words; undefined if nobody. */
export function directoryFault(directory: string): string | undefined {
  try {
    hasOwnDirectory(directory);
    return undefined;
  } catch (cause) {
    if (cause instanceof ForeignDirectory) return cause.state;
    throw cause;
  }
}

/** Looks at every part of a path; at a link it begins anew with the path that this leads to. */
function isOwn(directory: string, path: string, links: number): boolean {
  const fields = new Float64Array(8);
  for (let end = 0; end >= 0; ) {
    end = path.indexOf("/", end + 1);
    const part = end < 0 ? path : path.slice(0, end);
    const outcome = host.lstat(part, fields);
    if (outcome === -ENOENT || outcome === -ENOTDIR) return false;
    checked(outcome, "stat", part);
    const mode = fields[2] ?? 0;
    requireOwner(directory, part, fields[6] ?? -1);
    if ((mode & S_IFMT) === S_IFLNK) {
      if (links === 0) throw new SystemError(`stat "${directory}"`, ELOOP);
      const rest = end < 0 ? "" : path.slice(end);
      return isOwn(directory, readLink(part) + rest, links - 1);
    }
    if ((mode & S_IFMT) !== S_IFDIR) return false;
    const others = fields[7] === 0 ? BY_EVERYBODY : BY_OTHERS;
    if (mode & others) requireUnwritable(directory, part, { mode, isLast: end < 0 });
  }
  return true;
}

/** Where a link leads, from the root or where the path began. */
function readLink(path: string): string {
  const buffer = new Uint8Array(PATH_MAX);
  const length = checked(host.readlink(path, buffer), "read link", path);
  const target = host.decode(buffer.subarray(0, length)) ?? "";
  return target.startsWith("/") ? target : path.slice(0, path.lastIndexOf("/") + 1) + target;
}

function requireOwner(directory: string, path: string, user: number): void {
  if (user === 0 || user === host.getuid()) return;
  const { isInitial, overflowUser } = lazily<typeof import("./privilege.lazy.ts")>("privilege");
  if (user === overflowUser() && !isInitial()) return;
  const state = `"${path}" belongs to user ${user}, who could exchange what is in it`;
  throw new ForeignDirectory(directory, `${state}; make it root's, or use another directory`);
}

interface Writable {
  readonly mode: number;
  readonly isLast: boolean;
}

function requireUnwritable(directory: string, path: string, { mode, isLast }: Writable): void {
  if (mode & S_ISVTX && !isLast) return;
  const state = `others than its owner may write to "${path}" (mode ${(mode & 0o7777).toString(8)})`;
  const advice = isLast && mode & S_ISVTX ? "use one of root's below it" : "take that from them";
  throw new ForeignDirectory(directory, `${state}; ${advice}`);
}

/** True if an open file is root's or ours: then its directory let nobody else put it there. */
export function isOwnFile(fd: number): boolean {
  const fields = new Float64Array(7);
  checked(host.fstat(fd, fields), `stat descriptor ${fd}`);
  return fields[6] === 0 || fields[6] === host.getuid();
}

/** Makes a directory and its parents unless there is one; throws ForeignDirectory, SystemError. */
export function ensureOwnDirectory(directory: string, mode: number): void {
  if (hasOwnDirectory(directory)) return;
  makeDirectory(directory, mode);
  hasOwnDirectory(directory);
}

function makeDirectory(directory: string, mode: number): void {
  let outcome = host.mkdir(directory, mode);
  if (outcome === -ENOENT && directory.lastIndexOf("/") > 0) {
    makeDirectory(directory.slice(0, directory.lastIndexOf("/")), mode);
    outcome = host.mkdir(directory, mode);
  }
  if (outcome !== -EEXIST) checked(outcome, "create directory", directory);
}

/** Makes a directory and its parents if it can; without it, what needs it does without. */
export function tryOwnDirectory(directory: string, mode: number): void {
  try {
    ensureOwnDirectory(directory, mode);
  } catch (cause) {
    if (!(cause instanceof SystemError)) throw cause;
  }
}
