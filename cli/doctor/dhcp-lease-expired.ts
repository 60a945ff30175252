/** Attachments that use an address which their DHCP server may have given to another by now. */

import { listRunOut } from "../../lib/inventory/dhcp-leases.ts";
import { dhcpNetworks } from "./dhcp-daemon.ts";
import type { Check } from "./finding.ts";
import { attachmentInWords } from "./words.ts";

export const dhcpLeaseExpired: Check = (examined) => {
  const sockets = dhcpNetworks(examined).map(({ socket }) => socket);
  const directories = [USUAL, ...sockets.map((path) => `${path.replace(/\.sock$/, "")}.leases`)];
  return [...new Set(directories)].flatMap(listRunOut).map(({ owner, state }) => ({
    id: "dhcp-lease-expired",
    level: "error",
    finding: `${attachmentInWords(owner)} in network "${owner.network}": ${state}`,
    advice: "Look whether the dhcp daemon runs and the server answers; the daemon asks again",
  }));
};

const USUAL = "/run/cni/dhcp.leases";
