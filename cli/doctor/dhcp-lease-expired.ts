/** Attachments that use an address which their DHCP server may have given to another by now. */

import { listRunOut } from "../../lib/inventory/dhcp-leases.ts";
import { dhcpNetworks } from "./dhcp-daemon.ts";
import type { Check } from "./finding.ts";
import { attachmentInWords, counted, few } from "./words.ts";

export const dhcpLeaseExpired: Check = (examined) => {
  const sockets = dhcpNetworks(examined).map(({ socket }) => socket);
  const directories = [USUAL, ...sockets.map((path) => `${path.replace(/\.sock$/, "")}.leases`)];
  const late = [...new Set(directories)].flatMap(listRunOut);
  if (late.length === 0) return [];
  const named = late.map(
    ({ owner, state }) => `${attachmentInWords(owner)} in network "${owner.network}" (${state})`,
  );
  const finding = `${counted(late.length, "attachment")} without a lease of DHCP any more: ${few(named)}`;
  const advice = "Look whether the dhcp daemon runs and the server answers; the daemon asks again";
  return [{ id: "dhcp-lease-expired", level: "error", finding, advice }];
};

const USUAL = "/run/cni/dhcp.leases";
