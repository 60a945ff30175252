/** Whether other hosts may be sent something: doctor is silent on the network unless it is asked. */

import * as host from "host";

/** True with `--probe`. */
export function isProbing(): boolean {
  return host.args().includes("--probe");
}
