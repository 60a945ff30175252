/** What is forgiven is said: the runtime keeps standard error, or shows it to people. */

import * as stderr from "../host/warn.ts";

/** Says a line on standard error, beginning with the plugin's name. */
export function warn(plugin: string, line: string): void {
  stderr.warn(`${plugin}: ${line}`);
}
