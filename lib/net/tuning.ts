/** What can be tuned of a link, read and written as a whole. */

import { ENODEV } from "../host/errno.ts";
import type { Mac } from "../ip/mac.ts";
import { decodeReply } from "../netlink/connection.ts";
import { isRefusal } from "../netlink/error.ts";
import * as netlink from "../netlink/link.ts";
import type { Netns } from "./netns.ts";

/** The attributes of a link that are tuned. */
export interface Tunables {
  readonly mac: Mac;
  readonly mtu: number;
  readonly promisc: boolean;
  readonly allmulti: boolean;
  readonly txQLen: number;
}

/** The attributes of a link as they are; throws NetlinkError with ENODEV if there is none. */
export function readTunables(ns: Netns, name: string): Tunables {
  const [reply] = ns.route.perform(netlink.getLink(name));
  const { header, attributes } = decodeReply(reply, netlink.linkMessage);
  return {
    mac: attributes.address ?? new Uint8Array(0),
    mtu: attributes.mtu ?? 0,
    promisc: (attributes.promiscuity ?? 0) !== 0,
    allmulti: (header.flags & netlink.IFF_ALLMULTI) !== 0,
    txQLen: attributes.queueLength ?? 0,
  };
}

/** Changes what is given of a link, in one request. */
export function writeTunables(ns: Netns, name: string, wanted: Partial<Tunables>): void {
  const { mac, mtu, promisc, allmulti, txQLen } = wanted;
  const flags = [
    [promisc, netlink.IFF_PROMISC],
    [allmulti, netlink.IFF_ALLMULTI],
  ] as const;
  const bits = (state: boolean) =>
    flags.reduce((sum, [value, flag]) => (value === state ? sum | flag : sum), 0);
  ns.route.perform(
    netlink.changeLink(`tune "${name}"`, name, {
      set: bits(true),
      clear: bits(false),
      attributes: {
        ...(mac === undefined ? {} : { address: mac }),
        ...(mtu === undefined ? {} : { mtu }),
        ...(txQLen === undefined ? {} : { queueLength: txQLen }),
      },
    }),
  );
}

/** Makes of a link what differs from its former attributes; one that is gone needs nothing. */
export function restoreTunables(ns: Netns, name: string, former: Partial<Tunables>): void {
  const found = presentTunables(ns, name);
  if (!found) return;
  const isOther = ([key, value]: readonly [string, unknown]) =>
    String(value) !== String(found[key as keyof Tunables]);
  const differing = Object.entries(former).filter(isOther);
  if (differing.length > 0) writeTunables(ns, name, Object.fromEntries(differing));
}

function presentTunables(ns: Netns, name: string): Tunables | undefined {
  try {
    return readTunables(ns, name);
  } catch (cause) {
    if (isRefusal(cause, ENODEV)) return undefined;
    throw cause;
  }
}
