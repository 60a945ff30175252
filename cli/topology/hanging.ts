/**
 * What an attachment hangs on: the host's end of its veth pair, and the bridge or VRF that this is a
 * port of; or the link that its own is above; or nothing, if its device is its own.
 */

import type { SeenInside, SeenLink } from "../../lib/inventory/seen-links.ts";
import { isAliasOf, namesOwner, ownerAliases } from "../../lib/net/owner.ts";
import type { Facts, SeenAttachment } from "./facts.ts";

/** An attachment with what was found of it on the host. */
export interface Hanging {
  readonly seen: SeenAttachment;
  /** Its interface; undefined if it was not seen, or is another's by now. */
  readonly inside: SeenInside | undefined;
  readonly end: SeenLink | undefined;
  /** The link of the host that it hangs on. */
  readonly carrier: SeenLink | undefined;
  /** In the words of edges (model.ts). */
  readonly how: string;
}

/** All attachments. */
export function hangingsOf({ links, attachments }: Facts): readonly Hanging[] {
  const byIndex = new Map(links.map((link) => [link.index, link]));
  const veths = links.filter(({ kind }) => kind === "veth");
  const byName = new Map(veths.map((link) => [link.name, link]));
  const byAlias = new Map(veths.map((link) => [link.alias, link]));
  return attachments.map((seen) => hangingOf(seen, { byIndex, byName, byAlias }));
}

interface Links {
  readonly byIndex: ReadonlyMap<number, SeenLink>;
  /** Veths only. */
  readonly byName: ReadonlyMap<string, SeenLink>;
  readonly byAlias: ReadonlyMap<string, SeenLink>;
}

function hangingOf(seen: SeenAttachment, links: Links): Hanging {
  const other = otherEnd(seen.inside, links);
  const isOthers = other && namesOwner(other.alias) && !isAliasOf(other.alias, seen);
  const inside = isOthers ? undefined : seen.inside;
  const end = markedEnd(seen, links) ?? (inside ? other : namedEnd(seen, links));
  if (end) {
    const carrier = links.byIndex.get(end.master);
    const how = carrier?.kind === "vrf" ? "vrf" : "port";
    return { seen, inside, end, carrier, how: carrier ? how : "veth" };
  }
  const parent = parentOf(inside, links);
  const how = parent ? parent.how : inside ? "moved" : "unseen";
  return { seen, inside, end, carrier: parent?.link, how };
}

/** The host's end of a pair, if that is here. */
function otherEnd(inside: SeenInside | undefined, { byIndex }: Links): SeenLink | undefined {
  if (inside?.kind !== "veth" || !inside.isLinkedHome) return undefined;
  const link = byIndex.get(inside.peer);
  return link?.kind === "veth" && link.peer === inside.index ? link : undefined;
}

function markedEnd(seen: SeenAttachment, { byAlias }: Links): SeenLink | undefined {
  return ownerAliases(seen)
    .map((alias) => byAlias.get(alias))
    .find((link) => link !== undefined);
}

/** A name may be another's by now, whose alias says so. */
function namedEnd({ hostLinks }: SeenAttachment, { byName }: Links): SeenLink | undefined {
  return hostLinks.map((name) => byName.get(name)).find((link) => link?.alias === "");
}

/** The link of the host that an interface is above. */
function parentOf(inside: SeenInside | undefined, { byIndex }: Links) {
  if (!inside?.isLinkedHome || inside.kind === "veth") return undefined;
  const link = byIndex.get(inside.peer);
  return link && { link, how: inside.kind };
}
