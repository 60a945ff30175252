/** The leases that the daemon of dhcp keeps for attachments, and which of them have run out. */

import { readLeaseRecord } from "../dhcp/lease-record.ts";
import { bootId } from "../host/boot.ts";
import { bootMilliseconds } from "../host/epoll.ts";
import { hasOwnDirectory } from "../host/own-directory.ts";
import { formatAddress } from "../ip/address.ts";
import type { Owner } from "../net/owner.ts";
import { type DhcpLease, listDhcpLeases } from "../state/dhcp-leases.ts";

/** A lease that is none any more, and what of it is known. */
export interface RunOut {
  readonly owner: Owner;
  /** In words. */
  readonly state: string;
}

/** Those whose time is over, by the records in a directory; what is damaged is left out. */
export function listRunOut(directory: string): readonly RunOut[] {
  const now = bootMilliseconds();
  return listDhcpLeases(directory).flatMap((kept) => {
    const state = stateOf(kept, now);
    return state === undefined ? [] : [{ owner: kept.owner, state }];
  });
}

/** The attachments that have a record below a directory; undefined if there is no such directory. */
export function dhcpRecordOwners(directory: string): readonly Owner[] | undefined {
  if (!hasOwnDirectory(directory)) return undefined;
  return listDhcpLeases(directory).map(({ owner }) => owner);
}

function stateOf({ reported, lease }: DhcpLease, now: number): string | undefined {
  if (lease === null) return `its lease of ${reported} has run out`;
  const found = readLeaseRecord(lease, bootId());
  if (!found || found.expiresAt > now) return undefined;
  const seconds = Math.floor((now - found.expiresAt) / 1000);
  return `its lease of ${formatAddress(found.address)} ran out ${seconds} seconds ago`;
}
