/** `weft status`: asks every plugin of a network whether it could serve an ADD. */

import { isAtLeast } from "../lib/cni/version.ts";
import { listOf } from "./attachment.ts";
import { runOfNetwork } from "./chain.ts";
import type { Wanted } from "./list-options.ts";

/** Throws what the first plugin says that is not ready; before 1.1.0 none can be asked. */
export function status(wanted: Wanted): void {
  const list = listOf(wanted);
  if (!isAtLeast(list.cniVersion, "1.1.0")) return;
  const { path, milliseconds } = wanted;
  for (const plugin of list.plugins) {
    runOfNetwork({ list, path, milliseconds }, plugin, { command: "STATUS", keys: {} });
  }
}
