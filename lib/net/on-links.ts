/**
 * What is on the links of attachments and goes with them: addresses, queueing disciplines, filters.
 * It bears no mark itself: that of its link counts. A link that another plugin made bears none
 * either, but if it sends what it receives to an ifb, it is that device's attachment's.
 */

import { EINVAL, ENODEV, ENOENT } from "../host/errno.ts";
import { formatCidr } from "../ip/cidr.ts";
import { addressMessage, listAllAddresses } from "../netlink/address.ts";
import { isRefusal } from "../netlink/error.ts";
import { filterMessage, listFilters, redirectOf, TC_H_INPUT } from "../netlink/filter.ts";
import { listQdiscs, qdiscMessage } from "../netlink/qdisc.ts";
import type { Listing, Marked } from "./inventory.ts";
import { type Link, listLinks } from "./link.ts";
import { listMarkedLinks } from "./link-shelf.ts";
import type { Netns } from "./netns.ts";
import { isAliasOfNetwork, ownerAliases } from "./owner.ts";

/** Something on a link, with the link's mark. */
export interface OnLink extends Marked {
  readonly words: string;
}

/** Scopes of addresses that are the kernel's own (linux/rtnetlink.h). */
const RT_SCOPE_LINK = 253;

/** Addresses of attachments' links on the host, without those that the kernel gives each link. */
export function addressListing(host: Netns): Listing<OnLink> {
  return listingOf("address", (network) => {
    const links = new Map(listMarkedLinks(host, network).map((link) => [link.index, link]));
    return host.route
      .dump(listAllAddresses(), addressMessage)
      .flatMap(({ header, attributes: { local, address = local } }) => {
        const link = links.get(header.index);
        if (!link || !address || header.scope === RT_SCOPE_LINK) return [];
        const cidr = { address: local ?? address, prefixLength: header.prefixLength };
        return [{ mark: link.mark, words: `address ${formatCidr(cidr)} of ${link.name}` }];
      });
  });
}

/** Queueing disciplines and filters of attachments' links, without those that each link has. */
export function qdiscListing(host: Netns): Listing<OnLink> {
  return listingOf("qdisc", (network) => {
    const links = listLinks(host);
    const ofNetwork = links.filter(({ alias }) => isAliasOfNetwork(alias, network));
    const marks = new Map(ofNetwork.map(({ index, alias }) => [index, alias]));
    const qdiscs = listMadeQdiscs(host);
    return links.flatMap((link) =>
      onLink(host, link, { marks, qdiscs: qdiscs.get(link.index) ?? [] }),
    );
  });
}

function listingOf(
  kind: Listing["kind"],
  list: (network: string) => readonly OnLink[],
): Listing<OnLink> {
  return { kind, list, marksOf: ownerAliases, inWords: ({ words }) => words };
}

/** A qdisc as far as it is told: its kind, and its number before the colon. */
interface MadeQdisc {
  readonly kind: string;
  readonly handle: number;
}

/** The qdiscs that somebody made, by their link's index: the kernel's own have no handle. */
function listMadeQdiscs(host: Netns): ReadonlyMap<number, readonly MadeQdisc[]> {
  const byLink = new Map<number, MadeQdisc[]>();
  for (const { header, attributes } of host.route.dump(listQdiscs(), qdiscMessage)) {
    const { index, handle } = header;
    if (handle === 0) continue;
    const others = byLink.get(index) ?? [];
    byLink.set(index, [...others, { handle, kind: attributes.kind ?? "" }]);
  }
  return byLink;
}

interface Surroundings {
  /** The marks of links, by their index. */
  readonly marks: ReadonlyMap<number, string>;
  readonly qdiscs: readonly MadeQdisc[];
}

function onLink(host: Netns, link: Link, { marks, qdiscs }: Surroundings): readonly OnLink[] {
  const own = marks.get(link.index);
  if (own === undefined && marks.size === 0) return [];
  const filters = qdiscs.map((qdisc) => ({ qdisc, targets: filtersOf(host, link, qdisc) }));
  const targets = filters.flatMap((each) => each.targets ?? []);
  const mark = own ?? targets.map((target) => marks.get(target)).find((each) => each !== undefined);
  if (mark === undefined) return [];
  return filters.flatMap(({ qdisc: { kind, handle }, targets }) => {
    const number = (handle >>> 16).toString(16);
    const words = [`qdisc ${kind} ${number}: of ${link.name}`];
    if (targets) words.push(`filter of qdisc ${kind} ${number}: of ${link.name}`);
    return words.map((each) => ({ mark, words: each }));
  });
}

/** The links that a qdisc's filters send to; undefined if it has no filters. */
function filtersOf(host: Netns, link: Link, qdisc: MadeQdisc): readonly number[] | undefined {
  const isInput = qdisc.kind === "ingress" || qdisc.kind === "clsact";
  if (!isInput && qdisc.kind !== "htb") return undefined;
  const question = listFilters(link, isInput ? TC_H_INPUT : qdisc.handle);
  try {
    const filters = host.route.dump(question, filterMessage);
    if (filters.length === 0) return undefined;
    return filters.flatMap(({ attributes }) => redirectOf(attributes) ?? []);
  } catch (cause) {
    if (isRefusal(cause, ENODEV, ENOENT, EINVAL)) return undefined; // gone since it was listed
    throw cause;
  }
}
