/** Networks of which nobody can tell what there is: other checks are silent of them. */

import type { Check } from "./finding.ts";
import { unseenNetworks } from "./network-traces.ts";

export const networkUnseen: Check = (examined) =>
  unseenNetworks(examined).map(({ name, fault }) => ({
    id: "not-checked",
    level: examined.isRoot ? "warning" : "note",
    finding: `Could not look at attachments of network "${name}": ${fault}`,
    advice: examined.isRoot ? "Look at what hinders it, and ask again" : "Ask again as root",
  }));
