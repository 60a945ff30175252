/**
 * Leaving the namespaces that this process was started in, for new ones: for good, since there is
 * no way back. Without root's rights it is by a user namespace of its own, where it is root.
 */

import * as host from "host";
import { checked, EINVAL, EPERM, SystemError } from "./errno.ts";
import { closeFile, O_WRONLY, openFile, writeAll } from "./file.ts";
import { CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWUSER, keepMountsApart } from "./mounts.ts";

/**
 * Gives this process a mount namespace of its own, and a network namespace that is empty. True if
 * it is root there only.
 */
export function leaveNamespaces(): boolean {
  const outcome = host.unshare(CLONE_NEWNS | CLONE_NEWNET);
  const isRefused = outcome === -EPERM;
  if (isRefused) becomeRootApart();
  else checked(outcome, "make namespaces");
  keepMountsApart();
  return isRefused;
}

/** Gives this process another network namespace that is empty. */
export function leaveNetns(): void {
  checked(host.unshare(CLONE_NEWNET), "make a network namespace");
}

const ENOSPC = 28;
/** What unshare(2) says where nobody but root may make a user namespace, or none is left. */
const notForUsers = [EPERM, EINVAL, ENOSPC];

/** Throws EPERM if this kernel lets only root make namespaces. */
function becomeRootApart(): void {
  const [user, group] = [host.getuid(), groupOf("/proc/self")];
  const outcome = host.unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET);
  if (notForUsers.includes(-outcome)) {
    throw new SystemError("make namespaces, which this host lets only root do", EPERM);
  }
  checked(outcome, "make namespaces");
  write("/proc/self/setgroups", "deny");
  write("/proc/self/uid_map", `0 ${user} 1`);
  write("/proc/self/gid_map", `0 ${group} 1`);
}

/** The group of this process: its files in procfs have it. */
function groupOf(path: string): number {
  const fields = new Float64Array(8);
  checked(host.stat(path, fields), "stat", path);
  return fields[7] ?? 0;
}

function write(path: string, text: string): void {
  const fd = openFile(path, O_WRONLY);
  try {
    writeAll(fd, host.encode(text), `"${path}"`);
  } finally {
    closeFile(fd);
  }
}
