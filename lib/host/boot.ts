/** Which boot of the kernel this is, and when it began. */

import { readTextIfPresent, smallTextReader } from "./file.ts";

/** The kernel's random name for this boot (random(4)); "" if it gives none. */
export function bootId(): string {
  return smallTextReader(64)("/proc/sys/kernel/random/boot_id")?.trim() ?? "";
}

/** When this boot began, in seconds of the wall clock (proc(5), btime); 0 if it is not known. */
export function bootTime(): number {
  const line = /^btime (\d+)$/m.exec(readTextIfPresent("/proc/stat") ?? "");
  return line ? Number(line[1]) : 0;
}
