/** What a process that was refused something lacks, as the kernel says (proc_pid_status(5)). */

import { EPERM } from "./errno.ts";
import { readTextIfPresent } from "./file.ts";

/** Bits of the effective set, linux/capability.h. */
const capabilities = [
  [12, "CAP_NET_ADMIN"],
  [21, "CAP_SYS_ADMIN"],
  [1, "CAP_DAC_OVERRIDE"],
] as const;

/** What may be refused to root as well, since it has nothing to do with access to files. */
const OF_FILES = "CAP_DAC_OVERRIDE";

/**
 * What to run this process with, in words; undefined if it has all that it may need, so that the
 * refusal has another cause.
 */
export function missingPrivilege(errno: number): string | undefined {
  const status = readIfReadable("/proc/self/status");
  const user = /^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1];
  const effective = /^CapEff:\s+([0-9a-f]+)/m.exec(status)?.[1];
  if (user === undefined || effective === undefined) return undefined;
  const missing = capabilities.flatMap(([bit, name]) =>
    hasBit(effective, bit) || (errno === EPERM && name === OF_FILES) ? [] : [name],
  );
  if (missing.length === 0) return isInitial() ? undefined : onlyWithin;
  const names = missing.join(" and ");
  if (user === "0") return `run it with ${names}, which this process of root does not have`;
  return `run it as root, or with ${names}, which this process of user ${user} does not have`;
}

const onlyWithin =
  "this process has its capabilities in a user namespace only: they count in what that owns";

/** The user that files of unmapped users seem to belong to (user_namespaces(7)). */
export function overflowUser(): number {
  const text = readIfReadable("/proc/sys/kernel/overflowuid").trim();
  return text === "" ? 65534 : Number(text);
}

/** True in the first user namespace, which maps every user to itself (user_namespaces(7)). */
export function isInitial(): boolean {
  const map = readIfReadable("/proc/self/uid_map").trim().split(/\s+/);
  return map.join(" ") === "0 0 4294967295" || map.join("") === "";
}

function hasBit(hex: string, bit: number): boolean {
  const digit = hex[hex.length - 1 - (bit >> 2)] ?? "0";
  return (Number.parseInt(digit, 16) & (1 << (bit & 3))) !== 0;
}

function readIfReadable(path: string): string {
  try {
    return readTextIfPresent(path) ?? "";
  } catch {
    return "";
  }
}
