/**
 * Whether what a container's link is joined to, or above, is in this process's own namespace. An
 * index alone does not tell: every namespace counts its links from 1.
 */

import { closeFile, O_RDONLY, openFile } from "../host/file.ts";
import { decodeReply } from "../netlink/connection.ts";
import * as netlink from "../netlink/link.ts";
import { getNsid, nsidMessage } from "../netlink/nsid.ts";
import type { LinkRef } from "./link.ts";
import type { Netns } from "./netns.ts";

/** False also for a link that is joined to nothing, or to one of its own namespace. */
export function isLinkedHome(ns: Netns, { index }: LinkRef): boolean {
  const [reply] = ns.route.perform(netlink.getLink(index));
  const { linkNetnsid } = decodeReply(reply, netlink.wholeLinkMessage).attributes;
  return linkNetnsid !== undefined && linkNetnsid === numberOfOwn(ns);
}

/** The number by which a namespace knows this process's own: -1 if it has none. */
function numberOfOwn(ns: Netns): number {
  const own = openFile("/proc/self/ns/net", O_RDONLY);
  try {
    const [reply] = ns.route.perform(getNsid(own));
    return decodeReply(reply, nsidMessage).attributes.nsid ?? -1;
  } finally {
    closeFile(own);
  }
}
