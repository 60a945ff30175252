/**
 * Whether a link that is found in a container's namespace is the attachment's. The path that DEL is
 * given may lead to another pod's by now: a process number is used again, and so is a name.
 */

import { findLink, type Link } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import { isAliasOf, namesOwner } from "../net/owner.ts";
import { isPair } from "../net/veth.ts";
import type { Attachment } from "./call.ts";
import type { Result } from "./result.ts";
import { hostLinks } from "./whose.ts";

/** What is known of an attachment. */
interface Known {
  readonly attachment: Attachment;
  readonly prevResult: Result | undefined;
}

/** The other end of a veth, in the host's namespace, and whether it may be the attachment's. */
export interface HostEnd {
  readonly link: Link;
  readonly isOwn: boolean;
}

/** The host's end of a veth in a container; undefined if it is none, or its end is elsewhere. */
export function findHostEnd(known: Known, host: Netns, inside: Link): HostEnd | undefined {
  if (inside.kind !== "veth" || inside.peer <= 0) return undefined;
  const link = findLink(host, inside.peer);
  if (!link || !isPair(link, inside)) return undefined;
  return { link, isOwn: isOwnEnd(known, link) };
}

/**
 * True if a link in the namespace that DEL was given is another attachment's: its alias says so, or
 * that of its end on the host.
 */
export function isOthersLink(known: Known, host: Netns, inside: Link): boolean {
  if (namesOwner(inside.alias)) return !isAliasOf(inside.alias, known.attachment);
  const end = findHostEnd(known, host, inside);
  return end !== undefined && !end.isOwn;
}

/** By its alias; one without, which another suite made, is what the result says that it is. */
function isOwnEnd({ attachment, prevResult = {} }: Known, { name, alias }: Link): boolean {
  if (alias !== "") return isAliasOf(alias, attachment);
  const names = hostLinks(prevResult, attachment.ifName);
  return names.length === 0 || names.includes(name);
}
