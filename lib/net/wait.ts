/** Waiting for the kernel: by its events, with a deadline. */

import * as host from "host";
import { ETIMEDOUT } from "../host/errno.ts";
import { RTNLGRP_IPV6_IFADDR } from "../netlink/address.ts";
import { NetlinkError } from "../netlink/error.ts";
import { RTNLGRP_LINK } from "../netlink/link.ts";
import type { Netns } from "./netns.ts";

/** What is waited for: in words, whose changes may bring it about, and how long at most. */
export interface Wait {
  readonly what: string;
  readonly of: keyof typeof groups;
  readonly milliseconds: number;
}

/** The multicast groups that announce changes. */
const groups = { links: RTNLGRP_LINK, ipv6Addresses: RTNLGRP_IPV6_IFADDR };

/**
 * What `look` finds as soon as it finds something, asked again at every event; throws NetlinkError
 * with ETIMEDOUT after the deadline.
 */
export function waitFor<T>(ns: Netns, wait: Wait, look: () => T | undefined): T {
  return look() ?? lookAtEvents(ns, wait, look);
}

function lookAtEvents<T>(ns: Netns, wait: Wait, look: () => T | undefined): T {
  const events = ns.events();
  try {
    events.subscribe(groups[wait.of]);
    const deadline = host.monotonic() + wait.milliseconds;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      const left = deadline - host.monotonic();
      if (left <= 0) throw new NetlinkError(`wait for ${wait.what}`, ETIMEDOUT);
      events.waitForEvents(left);
    }
  } finally {
    events.close();
  }
}
