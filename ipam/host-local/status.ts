/** What STATUS asks: whether an ADD would find an address, and a place to note it. */

import type { StatusCall } from "../../lib/cni/call.ts";
import { describeSet, type RangeSet, usage } from "../../lib/cni/range-set.ts";
import { requireReady } from "../../lib/cni/verdict.ts";
import { warn } from "../../lib/cni/warn.ts";
import { fileStatus, isWritable } from "../../lib/host/file-status.ts";
import { directoryFault } from "../../lib/host/own-directory.ts";
import { listReservations } from "../../lib/state/leases.ts";
import type { HostLocalConfig } from "./config.ts";

/**
 * Ready if every set has an address to give, and there is a directory to note it in. One whose
 * addresses are all in use is ready as well: what runs is well, and runtimes take the whole node
 * out of service where the network is not.
 */
export function status({ config, network }: StatusCall<HostLocalConfig>): void {
  const { dataDir, sets, failsWhenFull } = config;
  const what = `serve network "${network}"`;
  const path = `${dataDir}/${network}`;
  requireReady(what, placeFault(path));
  const reserved = fileStatus(path) ? listReservations(path).map(({ address }) => address) : [];
  for (const set of sets) {
    const { size, fault } = capacityOf(set, reserved);
    if (failsWhenFull || size === 0) requireReady(what, fault);
    else if (fault !== undefined) warn("host-local", `network "${network}" has ${fault}`);
  }
}

/** Why no reservation could be made in a directory, in words. */
function placeFault(path: string): string | undefined {
  const fault = directoryFault(path);
  if (fault !== undefined) return `directory "${path}" is not safe: ${fault}`;
  const directory = nearestDirectory(path);
  if (!fileStatus(directory)?.isDirectory) return `"${directory}" is no directory`;
  return isWritable(directory) ? undefined : `directory "${directory}" is not writable`;
}

/** The directory itself, or the one it would be made in. */
function nearestDirectory(path: string): string {
  if (path === "" || fileStatus(path)) return path === "" ? "/" : path;
  return nearestDirectory(path.slice(0, path.lastIndexOf("/")));
}

/** How many addresses a set has, and in words that none of them is free, if so. */
function capacityOf(set: RangeSet, reserved: readonly string[]) {
  const { used, size } = usage(reserved, set);
  const figures = `${describeSet(set)}, ${used} of ${size} in use`;
  const fault = `no IP addresses available in range set: ${figures}`;
  return { size, fault: used < size ? undefined : fault };
}
