/**
 * The leases of the dhcp daemon as it keeps them for itself: read here for people. A record that is
 * damaged, or that names no attachment, is left out.
 */

import type { Owner } from "../net/owner.ts";
import { listBackups, readBackup } from "./backup.ts";

export interface DhcpLease {
  readonly owner: Owner;
  readonly path: string;
  /** The address and length that ADD reported; "" if none is known. */
  readonly reported: string;
  /** True if there is a lease, and not only an attachment that asks for one. */
  readonly isHeld: boolean;
  /** The lease as the daemon keeps it; null if it has run out, undefined if none was got yet. */
  readonly lease: unknown;
  /** The address of the server; "" if it is not known. */
  readonly server: string;
}

/** All leases below a directory; throws Failure if others may write there. */
export function listDhcpLeases(directory: string): readonly DhcpLease[] {
  return listBackups(directory).flatMap((name) => leaseIn(`${directory}/${name}`) ?? []);
}

function leaseIn(path: string): DhcpLease | undefined {
  const { network, containerID, ifName, reported, lease } = readBackup(path) ?? {};
  if (!isText(network) || !isText(containerID) || !isText(ifName)) return undefined;
  const held = typeof lease === "object" && lease !== null ? { ...lease } : undefined;
  const server = held && "server" in held && isText(held.server) ? held.server : "";
  return {
    owner: { network, containerID, ifName },
    path,
    reported: isText(reported) ? reported : "",
    isHeld: held !== undefined,
    lease,
    server,
  };
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
