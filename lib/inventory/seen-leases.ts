/** Who has which addresses, by the leases of all networks below a directory. */

import { listDirectory } from "../host/directory.ts";
import { fileStatus } from "../host/file-status.ts";
import { leaseShelf } from "../state/leases.ts";

/** A lease; an old one does not tell the interface. */
export interface SeenLease {
  readonly network: string;
  readonly containerID: string;
  readonly ifName: string | undefined;
  readonly address: string;
}

/** The leases of every network of a directory; none if there is no such directory. */
export function seeLeases(dataDir: string): readonly SeenLease[] {
  if (!fileStatus(dataDir)?.isDirectory) return [];
  const shelf = leaseShelf(dataDir);
  return listDirectory(dataDir)
    .sort()
    .flatMap((network) =>
      shelf
        .list(network)
        .map(({ containerID, ifName, address }) => ({ network, containerID, ifName, address })),
    );
}
