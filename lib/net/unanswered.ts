/**
 * Connections that were begun while their source was not masqueraded: the kernel goes by what it has
 * noted of them, so what is sent again leaves with an address that no answer finds.
 */

import { SystemError } from "../host/errno.ts";
import { warn } from "../host/warn.ts";
import { equalAddresses, family } from "../ip/address.ts";
import { type Cidr, containsAddress } from "../ip/cidr.ts";
import {
  type Flow,
  flowMessage,
  IPS_SEEN_REPLY,
  listFlowsFrom,
  type Tuple,
} from "../netlink/conntrack.ts";
import { NetlinkError } from "../netlink/error.ts";
import { deleteFlows } from "./conntrack.ts";
import type { Netns } from "./netns.ts";

/** Protocols that have ports: of others too little is read to delete them, and they end by themselves. */
const WITH_PORTS = [6, 17];

/**
 * Forgets what an address has sent beyond its subnet under its own name, and that nobody has
 * answered. Says so if the kernel cannot tell: the rest is right all the same.
 */
export function forgetUnanswered(ns: Netns, cidr: Cidr): void {
  try {
    deleteFlows(ns, listUnanswered(ns, cidr));
  } catch (cause) {
    if (!(cause instanceof NetlinkError) && !(cause instanceof SystemError)) throw cause;
    warn(cause.message);
  }
}

function listUnanswered(ns: Netns, cidr: Cidr): readonly Flow[] {
  const flows = ns.netfilter.dump(listFlowsFrom(cidr.address), flowMessage);
  return flows.flatMap(({ attributes }) => {
    const { original, reply, status = 0, id, zone } = attributes;
    const [from, to, answered] = [sourceOf(original), targetOf(original), targetOf(reply)];
    const isMeant =
      WITH_PORTS.includes(original?.ports?.protocol ?? 0) &&
      (status & IPS_SEEN_REPLY) === 0 &&
      isSame(from, cidr.address) &&
      isSame(answered, cidr.address) &&
      to !== undefined &&
      !containsAddress(cidr, to);
    if (!isMeant || !original || id === undefined) return [];
    return [{ family: family(cidr.address), original, id, zone }];
  });
}

function sourceOf(tuple: Tuple | undefined) {
  return tuple?.addresses?.source4 ?? tuple?.addresses?.source6;
}

function targetOf(tuple: Tuple | undefined) {
  return tuple?.addresses?.destination4 ?? tuple?.addresses?.destination6;
}

function isSame(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && equalAddresses(a, b);
}
