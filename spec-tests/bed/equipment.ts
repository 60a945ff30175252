/** What a machine has to have for a plugin to work at all, besides its kernel. */
import type { Bed } from "./bed.ts";
import { addDevices, addLink, needsDevices, needsLink } from "./devices.ts";
import { addLan, needsLan } from "./dhcp.ts";

/** Brings what the plugins need that are named in these titles, or are these executables. */
export function equip(bed: Bed, ...titles: readonly string[]): void {
  if (titles.some(needsDevices)) addDevices(bed.host);
  if (titles.some(needsLan)) addLan(bed);
  else if (titles.some(needsLink)) bed.eachContainer((container) => addLink(bed.host, container));
}
