/** Links by their alias: host ends of veth pairs, ifbs. */

import type { Shelf } from "./inventory.ts";
import { deleteLinkIf, type Link, listLinks } from "./link.ts";
import type { Netns } from "./netns.ts";
import { isAliasOfNetwork, ownerAliases } from "./owner.ts";

/** A link with its alias as the mark. */
export interface MarkedLink extends Link {
  readonly mark: string;
}

/** The links of one kind, such as `veth`; without it, of any. */
export function linkShelf(host: Netns, kind?: string): Shelf<MarkedLink> {
  return {
    kind: "link",
    list: (network) => listMarkedLinks(host, network).filter((link) => isOfKind(link, kind)),
    marksOf: ownerAliases,
    inWords: ({ name }) => `link ${name}`,
    remove: (links) => {
      for (const { index, mark } of links) {
        deleteLinkIf(host, index, (link) => isOfKind(link, kind) && link.alias === mark);
      }
    },
  };
}

/** The links of all attachments of a network. */
export function listMarkedLinks(host: Netns, network: string): readonly MarkedLink[] {
  const links = listLinks(host).filter(({ alias }) => isAliasOfNetwork(alias, network));
  return links.map((link) => ({ ...link, mark: link.alias }));
}

function isOfKind(link: Link, kind: string | undefined): boolean {
  return kind === undefined || link.kind === kind;
}
