/** Attachments that use an address which their DHCP server may have given to another by now. */

import { listRunOut } from "../../lib/inventory/dhcp-leases.ts";
import { usualDirectories } from "../../lib/inventory/inventory.ts";
import { dhcpNetworks, recordsOf } from "./dhcp-daemon.ts";
import type { Check } from "./finding.ts";
import { attachmentInWords, counted, few } from "./words.ts";

export const dhcpLeaseExpired: Check = (examined) => {
  const named = dhcpNetworks(examined).map(({ socket }) => recordsOf(socket));
  const directories = [usualDirectories.dhcp, ...named];
  const late = [...new Set(directories)].flatMap(listRunOut);
  if (late.length === 0) return [];
  const words = late.map(
    ({ owner, state }) => `${attachmentInWords(owner)} in network "${owner.network}" (${state})`,
  );
  const finding = `${counted(late.length, "attachment")} without a lease of DHCP any more: ${few(words)}`;
  const advice = "Look whether the dhcp daemon runs and the server answers; the daemon asks again";
  return [{ id: "dhcp-lease-expired", level: "error", finding, advice }];
};
