/** What people are told. */

import * as host from "host";

/** A line on stderr, for people: stdout belongs to the protocol. */
export function warn(line: string): void {
  host.write(2, host.encode(`${line}\n`));
}
