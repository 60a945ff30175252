/** The scripts for shells: apart from `weft completion --words`, which shells wait for. */

import { isShell, scriptFor } from "./completion/scripts.ts";

/** The script of a shell; undefined if there is none. */
export function script(shell: string): string | undefined {
  return isShell(shell) ? scriptFor(shell) : undefined;
}
