/** vxlan devices as people ask for them, whoever made them, with the links that carry their packets. */

import * as netlink from "../netlink/link.ts";
import type { LinkRef } from "./link.ts";
import type { Netns } from "./netns.ts";

/** A vxlan device; `uplink` is an index, 0 if routes decide for each packet. */
export interface VxlanLink extends LinkRef {
  readonly mtu: number;
  readonly uplink: number;
  /** Bytes that are put before a packet: more if other hosts are reached by IPv6. */
  readonly overhead: number;
}

const OVERHEAD = { 4: 50, 6: 70 };

/** All vxlan devices of a namespace. */
export function listVxlanLinks(ns: Netns): readonly VxlanLink[] {
  const messages = ns.route.dump(netlink.listLinks(), netlink.linkMessage);
  return messages.flatMap(({ header, attributes }) => {
    const own = attributes.linkInfo?.own;
    if (own?.kind !== "vxlan") return [];
    const { name = "", mtu = 0 } = attributes;
    const data = own.data && "uplink" in own.data ? own.data : undefined;
    const isBy6 = own.data !== undefined && "local6" in own.data && own.data.local6 !== undefined;
    const overhead = OVERHEAD[isBy6 ? 6 : 4];
    return [{ index: header.index, name, mtu, uplink: data?.uplink ?? 0, overhead }];
  });
}
