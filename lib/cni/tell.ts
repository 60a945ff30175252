/** What a plugin tells people besides its result. */

import { warn } from "../host/file.ts";

/** A line on stderr: what is not as it was asked for, though the command succeeds. */
export function tell(plugin: string, what: string): void {
  warn(`${plugin}: ${what}`);
}
