/**
 * Who may run at the same time (CNI spec, section 2, "Lifecycle & Ordering"): commands for one
 * container one by one, those for different containers together, GC alone.
 *
 *   /run/cni/weft/lists           flock(2), shared by ADD, CHECK and DEL, exclusive for GC
 *   /run/cni/weft/container-<x>   exclusive; x is two hexadecimal digits of a hash of the container
 */

import * as host from "host";
import { checked, EINTR, ENOENT } from "../lib/host/errno.ts";
import { closeFile, O_CREAT, O_NOFOLLOW, O_RDONLY } from "../lib/host/file.ts";
import { ensureOwnDirectory } from "../lib/host/own-directory.ts";
import { sha512Hex } from "../lib/net/digest.ts";

const DIRECTORY = "/run/cni/weft";
/** linux/fcntl.h */
const LOCK_SH = 1;
const LOCK_EX = 2;

/** Runs `body` while nothing else is done for a container, and no GC runs. */
export function forContainer<T>(containerID: string, body: () => T): T {
  ensureOwnDirectory(DIRECTORY, 0o755);
  return within("lists", LOCK_SH | MAKE, () =>
    within(`container-${sha512Hex(containerID, 2)}`, LOCK_EX | MAKE, body),
  );
}

/** The same, for what only looks: it makes no lock where nobody has ever needed one. */
export function lookingAtContainer<T>(containerID: string, body: () => T): T {
  return besideOthers(() => within(`container-${sha512Hex(containerID, 2)}`, LOCK_EX, body));
}

/** Runs `body` while no GC runs; makes no lock where nobody has needed one. */
export function besideOthers<T>(body: () => T): T {
  return within("lists", LOCK_SH, body);
}

/** Runs `body` while no other command runs. */
export function alone<T>(body: () => T): T {
  ensureOwnDirectory(DIRECTORY, 0o755);
  return within("lists", LOCK_EX | MAKE, body);
}

/** Beside the bits of flock(2): the file is made if there is none. */
const MAKE = 256;

function within<T>(name: string, how: number, body: () => T): T {
  const path = `${DIRECTORY}/${name}`;
  const flags = O_RDONLY | O_NOFOLLOW | (how & MAKE ? O_CREAT : 0);
  const fd = host.open(path, flags, 0o600);
  if (fd === -ENOENT && !(how & MAKE)) return body();
  checked(fd, "open", path);
  try {
    wait(fd, how & ~MAKE, path);
    return body();
  } finally {
    closeFile(fd);
  }
}

function wait(fd: number, how: number, path: string): void {
  let outcome = host.flock(fd, how);
  while (outcome === -EINTR) outcome = host.flock(fd, how);
  checked(outcome, "lock", path);
}
