/** Whether what a result says of an attachment is still so: of its links on the host, and inside. */

import { SystemError } from "../host/errno.ts";
import { formatAddress } from "../ip/address.ts";
import { listAddresses } from "../net/address.ts";
import { closeNetns } from "../net/close-netns.ts";
import { ifFew } from "../net/few.ts";
import { findLink } from "../net/link.ts";
import { type Netns, NetnsError, openNetns } from "../net/netns.ts";

/** What a result says. */
export interface Told {
  readonly netns: string;
  readonly ifName: string;
  readonly hostLinks: readonly string[];
  /** Those of the container's interface, without lengths. */
  readonly addresses: readonly string[];
}

/** What is not so any more, in words; nothing of a namespace that is gone. */
export function findChanges(host: Netns, told: Told): readonly string[] {
  const lost = told.hostLinks.filter((name) => findLink(host, name) === undefined);
  return [...lost.map((name) => `the host has no link "${name}"`), ...changesInside(told)];
}

function changesInside({ netns, ifName, addresses }: Told): readonly string[] {
  const ns = openIfThere(netns);
  if (!ns) return [];
  try {
    const link = findLink(ns, ifName);
    if (!link) return [`its namespace has no "${ifName}"`];
    // None where there are more than are looked at in a container.
    const [found] = ifFew(() => [listAddresses(ns, link)]);
    const has = (address: string) =>
      found?.some(({ cidr }) => formatAddress(cidr.address) === address) ?? true;
    const missing = addresses.filter((address) => !has(address));
    return missing.map((address) => `"${ifName}" does not have ${address}`);
  } finally {
    closeNetns(ns);
  }
}

function openIfThere(netns: string): Netns | undefined {
  try {
    return netns === "" ? undefined : openNetns(netns);
  } catch (cause) {
    if (cause instanceof NetnsError || cause instanceof SystemError) return undefined;
    throw cause;
  }
}
