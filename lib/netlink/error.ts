/** What the kernel refuses, and what it leaves unsaid. */

import { errnoName } from "../host/errno.ts";

/** A netlink request that failed: what was asked, the error number, the kernel's own words. */
export class NetlinkError extends Error {
  readonly what: string;
  readonly errno: number;
  readonly kernelText: string | undefined;
  /** False if the answer was lost, so that the request may have been carried out. */
  readonly settled: boolean;

  constructor(what: string, errno: number, more: { text?: string; settled?: boolean } = {}) {
    const lost = more.settled === false ? "the kernel's answer was lost, " : "";
    super(`Cannot ${what}: ${lost}${errnoName(errno)}`);
    this.name = "NetlinkError";
    this.what = what;
    this.errno = errno;
    this.kernelText = more.text;
    this.settled = more.settled ?? true;
  }
}

/** True if an error is the kernel's refusal with one of these error numbers. */
export function isRefusal(cause: unknown, ...errnos: readonly number[]): cause is NetlinkError {
  return cause instanceof NetlinkError && cause.settled && errnos.includes(cause.errno);
}
