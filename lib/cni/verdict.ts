/** What CHECK and STATUS answer: faults in words, and the errors they become. */

import type { CheckCall } from "./call.ts";
import { CniError, Code } from "./error.ts";

type Checked = Pick<CheckCall<unknown>, "attachment" | "netns">;

/** The error of CHECK, code 104: what (`the reservation`) is not as ADD left it. */
export function unconfirmed(what: string, fault: string, details = ""): CniError {
  return new CniError(Code.checkFailed, `Cannot confirm ${what}: ${fault}`, details);
}

/** The error of CHECK about an attachment: what of it (`the bandwidth of`) is not as ADD left it. */
export function checkFailed({ attachment, netns }: Checked, fault: string, of = ""): CniError {
  const what = `${of === "" ? "" : `${of} `}"${attachment.ifName}" in "${netns}"`;
  return unconfirmed(what, fault);
}

/** CHECK: throws code 104 with a fault, if there is one. */
export function confirm(call: Checked, fault: string | undefined, of?: string): void {
  if (fault !== undefined) throw checkFailed(call, fault, of);
}

/** STATUS: throws code 50 with what keeps an ADD from doing something (`map ports`), if anything. */
export function requireReady(what: string, fault: string | undefined): void {
  if (fault !== undefined) throw new CniError(Code.notAvailable, `Cannot ${what}: ${fault}`);
}
