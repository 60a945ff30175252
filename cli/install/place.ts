/**
 * Putting this image in place under all of its names. What is new is made whole under other names of
 * the same directory first, and then each name changes by rename(2): a runtime finds the old program
 * or the new one, running ones go on, and until the first rename nothing has changed.
 *
 *   .weft-install.bridge   new, until it is renamed
 *   .weft-before.bridge    another's program of that name, until this one is taken away
 */

import * as host from "host";
import { listDirectory } from "../../lib/host/directory.ts";
import { checked, EEXIST, ENOENT } from "../../lib/host/errno.ts";
import { Failure } from "../../lib/host/failure.ts";
import {
  closeFile,
  deleteFileIfPresent,
  O_DIRECTORY,
  O_RDONLY,
  openFile,
} from "../../lib/host/file.ts";
import { type FileStatus, fileStatus, isSameFile } from "../../lib/host/file-status.ts";
import { areSame, copyFile, isImage, RUNNING } from "./image.ts";

const NEW = ".weft-install.";
const BEFORE = ".weft-before.";
const MODE = 0o755;

/**
 * The init container of flannel's own manifest writes over this name in place (cp -f), and with it
 * over all hard links: so it is a file of its own.
 */
const ALONE = ["flannel"];

/** Tells what was changed, in a line for people. */
export type Tell = (line: string) => void;

/** Puts this image into a directory; throws SystemError or Failure, and then each name is old or new, whole. */
export function placeImage(directory: string, tell: Tell): void {
  makeDirectory(directory, tell);
  const names = host.commands().sort();
  for (const name of names) requireNoDirectory(`${directory}/${name}`);
  alone(directory, () => {
    try {
      const made = stage(directory, names);
      for (const name of made) exchange(directory, name, tell);
      removeFormer(directory, names, tell);
      if (made.length === 0) tell(`${directory}: all ${names.length} names are in place`);
    } finally {
      removeLeftovers(directory);
      syncDirectory(directory);
    }
  });
}

/** Takes away what is of an image of weft in a directory, and gives back what was there before. */
export function removeImage(directory: string, tell: Tell): void {
  if (!fileStatus(directory)?.isDirectory) {
    tell(`${directory}: there is no such directory`);
    return;
  }
  alone(directory, () => {
    removeLeftovers(directory);
    const names = ownNames(directory);
    // The program weft is last: while it is there, others can be taken away.
    for (const name of names.sort((a, b) => Number(a === "weft") - Number(b === "weft"))) {
      giveBack(directory, name, tell);
    }
    for (const name of namesWith(directory, BEFORE)) settleKept(directory, name, tell);
    if (names.length === 0) tell(`${directory}: nothing of weft is there`);
    syncDirectory(directory);
  });
}

/* ---- before ---- */

/** One process at a time. */
function alone(directory: string, body: () => void): void {
  const fd = openFile(directory, O_RDONLY | O_DIRECTORY);
  try {
    const exclusively = 2;
    checked(host.flock(fd, exclusively), "lock", directory);
    body();
  } finally {
    closeFile(fd);
  }
}

function makeDirectory(directory: string, tell: Tell): void {
  if (fileStatus(directory)?.isDirectory) return;
  const above = directory.slice(0, directory.lastIndexOf("/"));
  if (above !== "") makeDirectory(above, () => undefined);
  const outcome = host.mkdir(directory, MODE);
  if (outcome !== -EEXIST) checked(outcome, "create directory", directory);
  tell(`${directory}: created`);
}

function requireNoDirectory(path: string): void {
  if (!fileStatus(path)?.isDirectory || isLink(path)) return;
  throw new Failure("conflict", `Cannot install "${path}": a directory has that name`);
}

function removeLeftovers(directory: string): void {
  for (const name of namesWith(directory, NEW)) host.unlink(`${directory}/${NEW}${name}`);
}

function namesWith(directory: string, prefix: string): readonly string[] {
  return listDirectory(directory)
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length));
}

/* ---- what is new ---- */

/** Makes what has to be renamed; the names of it. */
function stage(directory: string, names: readonly string[]): readonly string[] {
  removeLeftovers(directory);
  const [own, fresh] = [`${directory}/weft`, `${directory}/${NEW}weft`];
  const isNew = isLink(own) || !areSame(own, RUNNING) || fileStatus(own)?.permissions !== MODE;
  const whole = isNew ? fresh : own;
  if (isNew) copyFile(RUNNING, fresh, { mode: MODE });
  const status = fileStatus(whole);
  const others = names.filter(
    (name) => name !== "weft" && !isInPlace(`${directory}/${name}`, status, ALONE.includes(name)),
  );
  for (const name of others) {
    const path = `${directory}/${NEW}${name}`;
    if (ALONE.includes(name)) copyFile(whole, path, { mode: MODE, timeOf: whole });
    else checked(host.link(whole, path), `link "${path}" to`, whole);
  }
  return isNew ? ["weft", ...others] : others;
}

/** True if a name is the image already: by a link, or as a copy of the same time (isThisImage). */
function isInPlace(path: string, image: FileStatus | undefined, isAlone: boolean): boolean {
  const status = isLink(path) ? undefined : fileStatus(path);
  if (!status?.isFile || !image) return false;
  if (!isAlone) return isSameFile(status, image);
  return (
    !isSameFile(status, image) &&
    status.changedSeconds === image.changedSeconds &&
    status.changedNanoseconds === image.changedNanoseconds &&
    status.permissions === MODE &&
    areSame(path, RUNNING)
  );
}

function exchange(directory: string, name: string, tell: Tell): void {
  const path = `${directory}/${name}`;
  const state = keepOther(directory, name);
  checked(host.rename(`${directory}/${NEW}${name}`, path), "rename to", path);
  tell(`${path}: ${state}`);
}

/** Keeps what another has put there under the name; what happens to it, in words. */
function keepOther(directory: string, name: string): string {
  const path = `${directory}/${name}`;
  const [kept, fresh] = [`${directory}/${BEFORE}${name}`, `${directory}/${NEW}before`];
  if (!exists(path)) return "installed";
  if (isImage(path)) return "installed, replaced another weft";
  checked(host.link(path, fresh), `link "${fresh}" to`, path);
  checked(host.rename(fresh, kept), "rename to", kept);
  return `installed, what was there is kept as ${BEFORE}${name}`;
}

/** Names that an older image had. */
function removeFormer(directory: string, names: readonly string[], tell: Tell): void {
  for (const name of ownNames(directory).filter((each) => !names.includes(each))) {
    giveBack(directory, name, tell);
  }
}

/* ---- taking away ---- */

function giveBack(directory: string, name: string, tell: Tell): void {
  const [path, kept] = [`${directory}/${name}`, `${directory}/${BEFORE}${name}`];
  if (exists(kept)) {
    checked(host.rename(kept, path), "rename to", path);
    tell(`${path}: removed, what was there before is back`);
  } else {
    deleteFileIfPresent(path);
    tell(`${path}: removed`);
  }
}

/**
 * What is still kept beside a name that is not an image of weft: a second name of the same file, since an
 * install was interrupted; the only one, since somebody removed the name; or somebody has put a third
 * program there meanwhile.
 */
function settleKept(directory: string, name: string, tell: Tell): void {
  const [path, kept] = [`${directory}/${name}`, `${directory}/${BEFORE}${name}`];
  if (!exists(path)) {
    checked(host.rename(kept, path), "rename to", path);
    tell(`${path}: what was there before is back`);
  } else if (isSameEntry(path, kept)) {
    host.unlink(kept);
  } else {
    tell(`${path}: another program, left alone; what was there before is still ${BEFORE}${name}`);
  }
}

/** The names that are an image of weft: by one of their files, of which most are links. */
function ownNames(directory: string): string[] {
  const known: { readonly status: FileStatus; readonly isOwn: boolean }[] = [];
  return listDirectory(directory).filter((name) => {
    const path = `${directory}/${name}`;
    const status = name.startsWith(".") || isLink(path) ? undefined : fileStatus(path);
    if (!status?.isFile) return false;
    const same = known.find((each) => isSameFile(each.status, status));
    if (same) return same.isOwn;
    const isOwn = isImage(path);
    known.push({ status, isOwn });
    return isOwn;
  });
}

/* ---- files ---- */

function isLink(path: string): boolean {
  return host.readlink(path, new Uint8Array(1)) >= 0;
}

/** True if there is anything of that name, be it a link that leads nowhere. */
function exists(path: string): boolean {
  const outcome = host.lstat(path, new Float64Array(3));
  if (outcome === -ENOENT) return false;
  checked(outcome, "stat", path);
  return true;
}

/** True if both names, which exist, are of one file, or of one symbolic link. */
function isSameEntry(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => {
    const fields = new Float64Array(3);
    checked(host.lstat(path, fields), "stat", path);
    return fields;
  });
  return a !== undefined && b !== undefined && a[0] === b[0] && a[1] === b[1];
}

/** A directory that cannot be synchronised (some network file systems) is as good as others there. */
function syncDirectory(directory: string): void {
  const fd = host.open(directory, O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0) return;
  host.fsync(fd);
  closeFile(fd);
}
