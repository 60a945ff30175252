/** Where an attachment is: whether its container's interface is there, and who made it. */

import type { Attachment } from "../../lib/cni/call.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import { findHostEnd } from "../../lib/cni/host-end.ts";
import { closeNetns } from "../../lib/net/close-netns.ts";
import { findLink, type Link, listLinks } from "../../lib/net/link.ts";
import { readMovedAlias } from "../../lib/net/moved-alias.ts";
import { type Netns, NetnsError, openNetns } from "../../lib/net/netns.ts";
import { isAliasOf, namesOwner, ownerTexts } from "../../lib/net/owner.ts";

/** An attachment that is gone, and why that is known; or one that is there. */
export type Home =
  | { readonly state: "gone"; readonly why: string }
  | {
      readonly state: "there";
      /** True if its link, or that link's other end, says that it is this attachment's. */
      readonly isMarked: boolean;
    };

/** Looks into the namespace; throws CniError if it cannot be reached although the container lives. */
export function findHome(own: Netns, owner: Attachment, netns: string): Home {
  const container = openIfThere(netns);
  if (!container) return withoutNamespace(own, owner, netns);
  try {
    const inside = findLink(container, owner.ifName);
    if (!inside) return gone(`its namespace ${netns} has no interface ${owner.ifName}`);
    return homeOf(own, owner, inside);
  } finally {
    closeNetns(container);
  }
}

function gone(why: string): Home {
  return { state: "gone", why };
}

/** Undefined if a path certainly leads to no namespace. */
function openIfThere(netns: string): Netns | undefined {
  try {
    return netns === "" ? undefined : openNetns(netns);
  } catch (cause) {
    if (cause instanceof NetnsError) return undefined;
    throw cause;
  }
}

/** A veth goes with the namespace of its other end: while it is there, so is the container. */
function withoutNamespace(own: Netns, owner: Attachment, netns: string): Home {
  const end = listLinks(own).find(({ kind, alias }) => kind === "veth" && isAliasOf(alias, owner));
  const path = netns === "" ? "the path of its namespace is not known" : `${netns} is no namespace`;
  if (!end) return gone(path);
  const state = `${path}, but its host end "${end.name}" is there`;
  throw new CniError(Code.environment, `Cannot mend it: ${state}`);
}

function homeOf(own: Netns, owner: Attachment, inside: Link): Home {
  const end = findHostEnd({ attachment: owner, prevResult: undefined }, own, inside)?.link;
  const aliases = [inside.alias, end?.alias ?? ""];
  const isMarked = aliases.some((alias) => isAliasOf(alias, owner) || isMovedAliasOf(alias, owner));
  const other = aliases.find((alias) => namesOwner(alias));
  if (isMarked || other === undefined) return { state: "there", isMarked };
  return gone(`${owner.ifName} in its namespace is another attachment's, "${other}"`);
}

function isMovedAliasOf(alias: string, owner: Attachment): boolean {
  const mark = readMovedAlias(alias)?.mark;
  return mark !== undefined && ownerTexts(owner).includes(mark);
}
