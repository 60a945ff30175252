/**
 * Whether the attachment that has a port of this host is gone, so that another may have the port.
 *
 * A port stays behind if a container's namespace vanishes and nobody calls DEL. That its holder is
 * gone must be certain, since one that lives would lose its port. So ADD notes with the port where
 * the holder is found: its link on the host, if that is a veth of this suite, and the path of its
 * namespace. It is gone if there is no such link, by name or by alias, and no such namespace. Whose
 * place is not noted, as with the links of other suites, keeps its port until DEL or GC.
 */

import { livingFinder } from "../net/holder.ts";
import type { Netns } from "../net/netns.ts";
import { type Owner, ownerText } from "../net/owner.ts";
import { hostVethName } from "../net/veth.ts";

/** How many names a veth of this suite may have: another than the first if that was taken. */
const NAMES = 4;

/** Where an attachment is: its namespace, and the links on the host that a result names. */
export interface Location {
  readonly owner: Owner;
  readonly netns: string;
  readonly links: readonly string[];
}

/** What to note of an attachment, in one line; undefined if it could not be found again by that. */
export function noteOf({ owner, netns, links }: Location): string | undefined {
  const isNoted = /^\/[!#-[\]-~]*$/.test(netns);
  for (let attempt = 0; isNoted && attempt < NAMES; attempt++) {
    const link = hostVethName(owner, attempt);
    if (links.includes(link)) return `${link} ${netns}`;
  }
  return undefined;
}

/** The holder of a port: who, if its names are known in full, and what was noted. */
export interface Holder {
  readonly owner: Owner | undefined;
  readonly note: string | undefined;
}

/** Tells of holders whether it is certain that they are no more; the links are listed once. */
export function goneFinder(host: Netns): (holder: Holder) => boolean {
  const isLiving = livingFinder(host);
  return ({ owner, note }) =>
    owner !== undefined &&
    note !== undefined &&
    !isLiving({ comment: ownerText(owner), holder: note });
}
