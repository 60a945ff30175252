/** What the kernel refuses, and what it leaves unsaid. */

import { errnoName } from "../host/errno.ts";
import { Failure } from "../host/failure.ts";

/** A netlink request that failed: what was asked, the error number, the kernel's own words. */
export class NetlinkError extends Failure {
  readonly what: string;
  readonly kernelText: string;

  constructor(
    what: string,
    errno: number,
    { text = "", settled }: { readonly text?: string; readonly settled?: boolean } = {},
  ) {
    const lost = settled === false ? "the kernel's answer was lost, " : "";
    const details = text === "" ? "" : `kernel: ${text}`;
    super("kernel", `Cannot ${what}: ${lost}${errnoName(errno)}`, { errno, details, settled });
    this.name = "NetlinkError";
    this.what = what;
    this.kernelText = text;
  }
}

/** True if an error is the kernel's refusal with one of these error numbers. */
export function isRefusal(cause: unknown, ...errnos: readonly number[]): cause is NetlinkError {
  return cause instanceof NetlinkError && cause.settled && errnos.includes(cause.errno);
}
