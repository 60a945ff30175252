/** Other hosts of an overlay to which no packet gets, as far as the kernel knows. */

import { type Path, pathsToOthers } from "../../lib/inventory/paths.ts";
import { formatAddress } from "../../lib/ip/address.ts";
import { grouped } from "../../lib/net/grouped.ts";
import type { Check } from "./finding.ts";
import { counted, few } from "./words.ts";

export const overlayUnreachable: Check = ({ host }) => {
  const cutOff = pathsToOthers(host).flatMap((path) => {
    const fault = faultOf(path);
    return fault === undefined ? [] : [{ peer: path.peer, why: `by "${path.device}", ${fault}` }];
  });
  return [...grouped(cutOff, ({ why }) => why)].map(([why, all]) => {
    const named = few(all.map(({ peer }) => formatAddress(peer)));
    const finding = `Packets do not get to ${counted(all.length, "host")} ${why}: ${named}`;
    const advice = "Look whether they are up and on this network; the overlay needs no mending";
    return { id: "overlay-unreachable", level: "error", finding, advice };
  });
};

function faultOf({ way }: Path): string | undefined {
  if (!way) return "since no route leads there";
  if (!way.hasCarrier) return `since "${way.link}" has no carrier`;
  if (!way.isSilent) return undefined;
  const [hop, link] = [formatAddress(way.nextHop), way.link];
  return `since ${hop} on "${link}" does not answer to ARP or neighbour discovery`;
}
