/** `weft check`: asks every plugin whether an attachment is still as its ADD left it. */

import { CniError, Code } from "../lib/cni/error.ts";
import { isAtLeast } from "../lib/cni/version.ts";
import { laterRun, listOf, ownerOf } from "./attachment.ts";
import { readKept } from "./cache.ts";
import { checkAll, inVersion } from "./chain.ts";
import type { Wanted } from "./list-options.ts";
import { lookingAtContainer } from "./locks.ts";

/** Throws what the first plugin says that finds a fault; what is not attached is not asked about. */
export function check(wanted: Wanted): void {
  const list = listOf(wanted);
  const owner = ownerOf(wanted, list.name, "CHECK");
  if (list.disableCheck) return;
  if (!isAtLeast(list.cniVersion, "0.4.0")) {
    const state = `configuration version "${list.cniVersion}" does not support the CHECK command`;
    throw new CniError(Code.incompatibleVersion, `Cannot check network "${list.name}": ${state}`);
  }
  lookingAtContainer(owner.containerID, () => {
    const kept = readKept(owner);
    if (kept?.result === undefined) {
      const what = `interface "${owner.ifName}" of container "${owner.containerID}"`;
      const state = `it is not attached to network "${list.name}"`;
      throw new CniError(Code.unknownContainer, `Cannot check ${what}: ${state}`);
    }
    const run = laterRun(wanted, { list, owner, kept });
    checkAll(run, inVersion(kept.result, list, owner));
  });
}
