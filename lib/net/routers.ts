/** Router advertisements: links by which the host, or a container, takes no routes from anybody. */

import type { Link } from "./link.ts";
import type { Netns } from "./netns.ts";
import { setSysctl, setSysctlIfPresent } from "./sysctl.ts";

const settingOf = (link: string) => `ipv6/conf/${link}/accept_ra`;

/** A link that was asked for heeds no router afterwards; throws SystemError if it would. */
export function heedNoRouters(ns: Netns, { name, acceptRa = 0 }: Pick<Link, "name" | "acceptRa">) {
  if (acceptRa !== 0) setSysctl(ns, settingOf(name), "0");
}

/** A link that was just made, and is not up yet, will heed no router; without IPv6 it would not. */
export function heedNoRoutersLater(ns: Netns, name: string): void {
  setSysctlIfPresent(ns, settingOf(name), "0");
}
