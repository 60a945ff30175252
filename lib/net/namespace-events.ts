/**
 * What becomes of links in many other namespaces, and of these themselves, by one socket of our own:
 * the kernel tells us of each namespace that has a number here. None is kept alive by that, as it
 * would be by a socket in it.
 *
 *   container ── eth0 down ──▶ 16, number 3      a link of namespace 3 has changed
 *   container is gone ───────▶ 89, number 3      no process, file or socket is in it any more
 */

import * as host from "host";
import { read } from "../bytes/layout.ts";
import { checked, EEXIST, ENOBUFS } from "../host/errno.ts";
import { closeFile } from "../host/file.ts";
import { exceptFamilyFilter } from "../host/socket-filter.ts";
import type { Mac } from "../ip/mac.ts";
import { decodeReply } from "../netlink/connection.ts";
import {
  AF_BRIDGE,
  IFF_UP,
  linkStateMessage,
  RTM_DELLINK,
  RTM_NEWLINK,
  RTNLGRP_LINK,
} from "../netlink/link.ts";
import { type Received, splitMessages } from "../netlink/message.ts";
import { getNsid, newNsid, nsidMessage, RTM_DELNSID, RTNLGRP_NSID } from "../netlink/nsid.ts";
import type { Netns } from "./netns.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOL_NETLINK = 270;
const NETLINK_ROUTE = 0;
/** linux/netlink.h */
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_LISTEN_ALL_NSID = 8;

/** A link has changed, or was deleted or moved away; or a whole namespace is gone. */
export type NamespaceEvent =
  | {
      readonly kind: "link";
      readonly nsid: number;
      readonly index: number;
      readonly name: string;
      readonly mac: Mac;
      readonly isUp: boolean;
    }
  | { readonly kind: "linkGone"; readonly nsid: number; readonly index: number }
  | { readonly kind: "gone"; readonly nsid: number };

/** The number of a namespace as seen from `own`, which gets one if it has none. */
export function numberOf(own: Netns, ns: Netns): number {
  const [given] = own.route.attempt({ ...newNsid(ns.fd), tolerates: [EEXIST] });
  if (given?.error) throw given.error;
  const [reply] = own.route.perform(getNsid(ns.fd));
  return decodeReply(reply, nsidMessage).attributes.nsid ?? -1;
}

/** The events of all namespaces that have a number. */
export class NamespaceEvents {
  /** To wait on. */
  readonly descriptor: number;
  readonly #buffer = new Uint8Array(32_768);
  readonly #nsid = new Int32Array(1);

  /** Throws SystemError if the kernel tells nothing of other namespaces. */
  constructor() {
    const fd = checked(host.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), "open a netlink socket");
    this.descriptor = fd;
    try {
      const all = host.setOption(fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, 1);
      checked(all, "hear of other network namespaces");
      // A bridge tells of its ports every few seconds, whether or not something has changed.
      host.attachFilter(fd, exceptFamilyFilter(AF_BRIDGE));
      host.bind(fd, Uint8Array.of(AF_NETLINK, ...new Uint8Array(11)));
      for (const group of [RTNLGRP_LINK, RTNLGRP_NSID]) {
        const joined = host.setOption(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
        checked(joined, `subscribe to netlink group ${group}`);
      }
    } catch (cause) {
      closeFile(fd);
      throw cause;
    }
  }

  /** What has happened, without waiting; undefined if some of it was lost. */
  read(): readonly NamespaceEvent[] | undefined {
    const events: NamespaceEvent[] = [];
    for (;;) {
      const n = host.receiveOfNamespace(this.descriptor, this.#buffer, this.#nsid);
      if (n === -ENOBUFS) return undefined;
      if (n <= 0) return events;
      for (const message of splitMessages(this.#buffer, n)) {
        const event = eventOf(message, this.#nsid[0] ?? -1);
        if (event) events.push(event);
      }
    }
  }
}

/** A link's event says by which socket option whose it is, a namespace's end says it itself. */
function eventOf({ type, body }: Received, nsid: number): NamespaceEvent | undefined {
  if (type === RTM_DELNSID) {
    const { attributes } = read(nsidMessage, body);
    return { kind: "gone", nsid: attributes.nsid ?? -1 };
  }
  if (nsid < 0 || (type !== RTM_NEWLINK && type !== RTM_DELLINK)) return undefined;
  const { header, attributes } = read(linkStateMessage, body);
  if (type === RTM_DELLINK) return { kind: "linkGone", nsid, index: header.index };
  return {
    kind: "link",
    nsid,
    index: header.index,
    name: attributes.name ?? "",
    mac: attributes.address ?? new Uint8Array(0),
    isUp: (header.flags & IFF_UP) !== 0,
  };
}
