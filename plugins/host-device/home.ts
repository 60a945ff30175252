/** Which device in a container, or back on the host, is an attachment's: DEL brings it home. */

import { reportedMacs } from "../../lib/attach/link.ts";
import type { CheckCall, DelCall } from "../../lib/cni/call.ts";
import { formatMac } from "../../lib/ip/mac.ts";
import { findLink, type Link } from "../../lib/net/link.ts";
import { linkNameFault } from "../../lib/net/link-name.ts";
import { bringHome, type Device, findMoved } from "../../lib/net/moved.ts";
import { homeOf, readMovedAlias } from "../../lib/net/moved-alias.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { ownerText } from "../../lib/net/owner.ts";
import type { HostDeviceConfig } from "./config.ts";

type Del = DelCall<HostDeviceConfig>;

/** The container's link is none that was moved for this attachment, by its alias. */
export function strangerFault(
  { attachment }: CheckCall<unknown>,
  { alias }: Link,
): string | undefined {
  const isOurs = readMovedAlias(alias)?.mark === ownerText(attachment);
  const isOfReference = linkNameFault(alias) === undefined;
  return isOurs || isOfReference ? undefined : "it should be a device of the host, by its alias";
}

/**
 * Brings the attachment's device home, from the container, or to its name if the kernel brought it
 * home when the container's namespace vanished. None is fine.
 */
export function bringDeviceHome(call: Del, host: Netns, container: Netns | undefined): void {
  const inside =
    container && (findMoved(container, call.attachment) ?? findUnmarked(call, container));
  if (container && inside) {
    bringHome(host, container, inside);
    return;
  }
  const outside = findMoved(host, call.attachment) ?? findNamed(call, host);
  if (outside) bringHome(host, host, outside);
}

/**
 * What the reference plugin moved, whose alias is the old name and no more; or what has lost its
 * alias, where the result of ADD tells that it is ours.
 */
function findUnmarked(call: Del, container: Netns): Device | undefined {
  const { attachment, config } = call;
  const link = findLink(container, attachment.ifName);
  if (!link || readMovedAlias(link.alias)) return undefined;
  const former = linkNameFault(link.alias) === undefined ? link.alias : undefined;
  if (!isOwn(call, link, former)) return undefined;
  const name = former ?? config.device ?? link.name;
  return { link, home: { ...homeOf(link), name, alias: "", isUp: false } };
}

/** What the reference plugin moved and the kernel brought home: its alias is the name of the device. */
function findNamed(call: Del, host: Netns): Device | undefined {
  const found = findUnmarked(call, host);
  return found && found.link.alias === call.config.device ? found : undefined;
}

/** By its address if ADD reported one; else by the configured name, or as it has no kind. */
function isOwn(call: Del, link: Link, former?: string): boolean {
  const macs = reportedMacs(call);
  if (macs.length > 0) return macs.includes(formatMac(link.mac));
  if (former === undefined) return false;
  const { device } = call.config;
  return device === undefined ? link.kind === "" : device === former;
}
