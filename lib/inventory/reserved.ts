/** Whether an address is reserved for an attachment, as host-local keeps that. */

import { hasOwnDirectory } from "../host/own-directory.ts";
import type { Owner } from "../net/owner.ts";
import { leaseShelf, listReservations, readOwner } from "../state/leases.ts";

/** True if a record below a directory says so; throws Failure if nobody can be sure of it. */
export function isReserved(dataDir: string, owner: Owner, address: string): boolean {
  const directory = `${dataDir}/${owner.network}`;
  if (!hasOwnDirectory(directory)) return false;
  const text = readOwner(`${directory}/${address}`);
  return text !== undefined && leaseShelf(dataDir).marksOf(owner).includes(text);
}

/** The addresses of a network that are reserved below a directory; throws Failure as well. */
export function reservedAddresses(dataDir: string, network: string): readonly string[] {
  return listReservations(`${dataDir}/${network}`).map(({ address }) => address);
}
