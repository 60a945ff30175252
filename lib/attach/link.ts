/**
 * The container's own link, of whatever kind: made in its namespace, told apart from others' by the
 * alias that names its owner, taken away. A veth pair, whose other end is the host's, is in pair.ts.
 */

import type { AddCall, Attachment, DelCall } from "../cni/call.ts";
import type { Result } from "../cni/result.ts";
import type { Undo } from "../cni/undo.ts";
import { formatMac, type Mac } from "../ip/mac.ts";
import {
  deleteLinkIf,
  deleteLinkIfPresent,
  findLink,
  type Link,
  type LinkState,
} from "../net/link.ts";
import { addLink, claimLink, type NewLink } from "../net/make.ts";
import type { Netns } from "../net/netns.ts";
import { isAliasOf, ownerAlias } from "../net/owner.ts";
import { isNameTaken } from "../net/veth.ts";
import { nameTaken, requireFreeName } from "./existing.ts";

/** A link to be, and the namespace of its parent; it gets the name CNI_IFNAME. */
export interface LinkSpec extends Omit<NewLink, "name"> {
  readonly host: Netns;
  /** The address of a link that is made with its parent's, and can only be given another then. */
  readonly laterMac?: Mac | undefined;
}

/** Makes the container's link, still down. One that has its name is an error, and stays. */
export function makeLink(call: AddCall<unknown>, spec: LinkSpec, undo: Undo): LinkState {
  const { attachment } = call;
  const { ifName: name } = attachment;
  const { host, netns, kind } = spec;
  requireFreeName(call, netns);
  undo.step(
    `link "${name}"`,
    () => unlessTaken(call, () => addLink(host, { ...spec, name })),
    () => void deleteLinkIf(netns, name, (link) => isOwn({ attachment }, link, kind.kind)),
  );
  return claimLink(netns, name, { alias: ownerAlias(attachment), mac: spec.laterMac });
}

/** Somebody else may have made it since: the kernel tells. */
function unlessTaken(call: AddCall<unknown>, make: () => void): void {
  try {
    make();
  } catch (cause) {
    throw isNameTaken(cause) ? nameTaken(call) : cause;
  }
}

/** DEL: takes the container's link away if it is this attachment's, by its index. */
export function removeLink(
  call: DelCall<unknown>,
  container: Netns | undefined,
  kind: string,
): void {
  const link = container && findLink(container, call.attachment.ifName);
  if (container && link && isOwn(call, link, kind)) deleteLinkIfPresent(container, link);
}

/** What is known of an attachment. */
interface Known {
  readonly attachment: Attachment;
  readonly prevResult?: Result | undefined;
}

/**
 * By its alias; one without, which another suite made or an ADD that died, is the attachment's
 * unless the result of ADD names another hardware address.
 */
function isOwn(known: Known, link: Link, kind: string): boolean {
  if (link.kind !== kind) return false;
  if (link.alias !== "") return isAliasOf(link.alias, known.attachment);
  const macs = reportedMacs(known);
  return macs.length === 0 || macs.includes(formatMac(link.mac));
}

/** The hardware address that ADD reported of the container's link; none without its result. */
export function reportedMacs({ attachment, prevResult = {} }: Known): readonly string[] {
  return (prevResult.interfaces ?? []).flatMap(({ name, sandbox, mac }) =>
    name === attachment.ifName && sandbox && mac ? [mac.toLowerCase()] : [],
  );
}
