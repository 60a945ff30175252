/** Why a link has no IPv6, once the kernel has refused it: what can be seen, and no guess. */

import * as host from "host";
import { EAFNOSUPPORT } from "../host/errno.ts";
import { AF_INET6 } from "../netlink/address.ts";
import { findLink, type LinkRef } from "./link.ts";
import type { Netns } from "./netns.ts";
import { findSysctl } from "./sysctl.ts";

const SOCK_DGRAM = 2;

/** Of a link with a smaller one the kernel takes all IPv6 away (RFC 8200, section 5). */
const LEAST_MTU = 1280;

/** The reason in words; undefined if none of the known ones is there. */
export function findIpv6Fault(ns: Netns, { index, name }: LinkRef): string | undefined {
  if (!kernelHasIpv6()) return "this kernel has no IPv6, or it was started with ipv6.disable=1";
  const mtu = findLink(ns, index)?.mtu ?? LEAST_MTU;
  if (mtu < LEAST_MTU) {
    return `the MTU of "${name}" is ${mtu}, and IPv6 takes at least ${LEAST_MTU}`;
  }
  const sysctl = `ipv6/conf/${name}/disable_ipv6`;
  if (findSysctl(ns, sysctl) !== "1") return undefined;
  return `IPv6 is switched off on "${name}" (sysctl net/${sysctl} is 1)`;
}

function kernelHasIpv6(): boolean {
  const fd = host.socket(AF_INET6, SOCK_DGRAM, 0);
  if (fd >= 0) host.close(fd);
  return fd !== -EAFNOSUPPORT;
}
