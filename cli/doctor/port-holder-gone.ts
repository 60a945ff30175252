/** Ports of this host that still lead to a container that is no more. */

import { hostPortStates } from "../../lib/inventory/host-ports.ts";
import type { Check } from "./finding.ts";

export const portHolderGone: Check = ({ host }) =>
  hostPortStates(host)
    .filter(({ isGone }) => isGone)
    .map(({ what, whose }) => ({
      id: "port-holder-gone",
      level: "warning",
      finding: `The ${what} leads nowhere: it is that of ${whose}, which is gone`,
      advice: 'Run "weft gc NETWORK --yes"; who maps the port next gets it as well',
    }));
