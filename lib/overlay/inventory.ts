/**
 * What a network has on this host that belongs to none of its attachments: vxlan devices, told by
 * their aliases, and their guards. They stay when the last container goes, so no GC collects them;
 * `vxlan-overlay remove` takes them away.
 */

import type { Listing, Marked } from "../net/inventory.ts";
import { listLinks } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import { overlayOwner, readAlias } from "./alias.ts";
import { isGuarded } from "./guard.ts";

/** A list of the devices, which all their entries go with, and one of the guards. */
export function overlayListings(host: Netns): readonly Listing<OfDevice>[] {
  const devices = (network: string) => devicesOf(host, network);
  const marksOf = () => [];
  return [
    { kind: "link", list: devices, marksOf, inWords: ({ device }) => `link ${device}` },
    {
      kind: "rule",
      list: (network) => devices(network).filter(({ device }) => isGuarded(host, device)),
      marksOf,
      inWords: ({ device }) => `guard of ${device}`,
    },
  ];
}

/** A vxlan device, or what is there for it. */
interface OfDevice extends Marked {
  readonly device: string;
}

function devicesOf(host: Netns, network: string): readonly OfDevice[] {
  const owner = overlayOwner(network);
  return listLinks(host)
    .filter(({ kind, alias }) => kind === "vxlan" && readAlias(owner, alias) !== undefined)
    .map(({ name }) => ({ device: name, mark: owner.trimEnd() }));
}
