/**
 * Files that plugins write to, in memory in place of where they are: what is written is not kept.
 * All others can be read as they are. Of /run only what is named is seen: a socket there could be
 * that of a daemon, which would really do what it is asked for.
 */

import * as host from "host";
import { listDirectory } from "../host/directory.ts";
import { checked, SystemError } from "../host/errno.ts";
import {
  closeFile,
  O_CREAT,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  openFile,
  readToEnd,
  writeAll,
} from "../host/file.ts";
import { type FileStatus, fileStatus } from "../host/file-status.ts";
import { mountAlso, mountEmpty } from "../host/mounts.ts";
import { NetError } from "../net/error.ts";

/** Paths from the root. */
export interface Files {
  /** Directories that plugins may write to, whether they are there or not. */
  readonly writable: readonly string[];
  /** Below /run, directories and files that are read. */
  readonly visible: readonly string[];
}

const RUN = "/run";
/** What this suite keeps there. */
const KEPT = ["/run/cni", "/run/weft"];

/** Covers files in this mount namespace; returns the directories that are in memory now. */
export function coverFiles({ writable, visible }: Files): readonly string[] {
  const inRun = (path: string) => path === RUN || path.startsWith(`${RUN}/`);
  const places = outermost(writable.filter((path) => !inRun(path)));
  const made = places.map(cover);
  coverRun([...KEPT, ...writable.filter(inRun)], visible.filter(inRun));
  return [RUN, ...new Set(made)];
}

/** Those paths of which no other is a parent. */
function outermost(paths: readonly string[]): readonly string[] {
  const isBelow = (path: string, other: string) => path.startsWith(`${other}/`);
  return [...new Set(paths)].filter((path) => !paths.some((other) => isBelow(path, other)));
}

/** A directory in memory with a copy of what it has; one that is missing can be made. */
function cover(path: string): string {
  const there = nearest(path);
  if (there === "/") {
    const state = `"${path}" is not there, nor is a directory that it could be made in`;
    throw new NetError("unsupported", `Cannot plan what is written to files: ${state}`);
  }
  const fd = openFile(there, O_PATH | O_DIRECTORY);
  mountEmpty(there);
  const from = `/proc/self/fd/${fd}`;
  if (there === path) copyInto(from, there);
  else for (const name of listDirectory(from)) showThere(`${from}/${name}`, `${there}/${name}`);
  closeFile(fd);
  return there;
}

function nearest(path: string): string {
  if (path === "") return "/";
  return fileStatus(path)?.isDirectory ? path : nearest(path.slice(0, path.lastIndexOf("/")));
}

/** What is beside a directory that is to be made stays what it is. */
function showThere(from: string, at: string): void {
  const status = statusIfAny(from);
  if (status?.isDirectory) checked(host.mkdir(at, status.permissions), "create directory", at);
  else if (status?.isFile) closeFile(openFile(at, O_CREAT | O_WRONLY, 0o600));
  else return;
  mountAlso(from, at);
}

function coverRun(kept: readonly string[], visible: readonly string[]): void {
  const fd = openFile(RUN, O_PATH | O_DIRECTORY);
  const before = (path: string) => `/proc/self/fd/${fd}${path.slice(RUN.length)}`;
  mountEmpty(RUN);
  for (const path of kept) {
    if (!fileStatus(before(path))?.isDirectory) continue;
    makeParents(`${path}/`);
    copyInto(before(path), path);
  }
  for (const path of outermost(visible)) {
    const status = statusIfAny(before(path));
    if (!status || fileStatus(path)) continue;
    makeParents(path);
    showThere(before(path), path);
  }
  closeFile(fd);
}

/** Makes the directories that a path goes through. */
export function makeParents(path: string): void {
  for (let end = path.indexOf("/", 1); end > 0; end = path.indexOf("/", end + 1)) {
    host.mkdir(path.slice(0, end), 0o755);
  }
}

/** A link that leads nowhere, or what may not be looked at, is nothing. */
function statusIfAny(path: string): FileStatus | undefined {
  try {
    return fileStatus(path);
  } catch (cause) {
    if (cause instanceof SystemError) return undefined;
    throw cause;
  }
}

/** Copies files and directories; what may not be read, or is neither, is left out. */
function copyInto(from: string, to: string): void {
  for (const name of namesIn(from)) {
    const [source, target] = [`${from}/${name}`, `${to}/${name}`];
    const status = statusIfAny(source);
    if (status?.isDirectory) {
      host.mkdir(target, status.permissions);
      copyInto(source, target);
    } else if (status?.isFile) copyFile(source, target, status);
  }
}

function namesIn(path: string): readonly string[] {
  try {
    return listDirectory(path);
  } catch (cause) {
    if (cause instanceof SystemError) return [];
    throw cause;
  }
}

function copyFile(from: string, to: string, status: FileStatus): void {
  const source = host.open(from, O_RDONLY, 0);
  if (source < 0) return;
  const target = openFile(to, O_CREAT | O_WRONLY, status.permissions);
  writeAll(target, readToEnd(source, `"${from}"`), `"${to}"`);
  host.setChangeTime(target, status.changedSeconds, status.changedNanoseconds);
  closeFile(source);
  closeFile(target);
}

/* ---- what is there ---- */

/** Files and directories that are in memory, by their paths; which file it is, and since when. */
export function listFiles(places: readonly string[]): ReadonlyMap<string, FileStatus> {
  const found = new Map<string, FileStatus>();
  for (const place of places) {
    const status = fileStatus(place);
    if (status) collect(place, status.device, found);
  }
  return found;
}

function collect(path: string, device: number, into: Map<string, FileStatus>): void {
  for (const name of namesIn(path)) {
    const each = `${path}/${name}`;
    const status = statusIfAny(each);
    if (status?.device !== device) continue;
    into.set(each, status);
    if (status.isDirectory) collect(each, device, into);
  }
}
