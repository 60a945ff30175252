/** Other hosts of an overlay to which no packet gets, as far as the kernel knows. */

import { type Path, pathsToOthers } from "../../lib/inventory/paths.ts";
import { formatAddress } from "../../lib/ip/address.ts";
import type { Check } from "./finding.ts";

export const overlayUnreachable: Check = ({ host }) =>
  pathsToOthers(host).flatMap((path) => {
    const fault = faultOf(path);
    if (fault === undefined) return [];
    const { device, peer } = path;
    const finding = `Packets of "${device}" do not get to host ${formatAddress(peer)}: ${fault}`;
    const advice = "Look whether that host is up and on this network; the overlay needs no mending";
    return [{ id: "overlay-unreachable", level: "error", finding, advice }];
  });

function faultOf({ way }: Path): string | undefined {
  if (!way) return "no route leads there";
  if (!way.isUp) return `its way is by "${way.link}", which is down`;
  if (!way.isSilent) return undefined;
  return `${formatAddress(way.nextHop)} on "${way.link}" does not answer to ARP or neighbour discovery`;
}
