/**
 * host-local: addresses out of ranges that belong to this host alone.
 *
 *   <dataDir>/<network>/10.8.0.50    a file per reserved address, holding its owner
 *
 * Nothing else is kept: what is free is what has no file.
 */

import type { AddCall, DelCall, GcCall } from "../../lib/cni/call.ts";
import { collectEach } from "../../lib/cni/collect.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import type { Dns, Result } from "../../lib/cni/result.ts";
import { ipamPlugin } from "../../lib/cni/run.ts";
import { readTextIfPresent } from "../../lib/host/file.ts";
import { formatAddress } from "../../lib/ip/address.ts";
import { formatCidr } from "../../lib/ip/cidr.ts";
import { isRecorded, type Lease, leaseShelf, leaseText } from "../../lib/state/leases.ts";
import { allocate } from "./allocate.ts";
import { check } from "./check.ts";
import { type HostLocalConfig, parseHostLocalConfig, parseIps } from "./config.ts";
import * as schema from "./host-local.schema.json";
import { parseResolvConf } from "./resolvconf.ts";
import { status } from "./status.ts";
import { placeOf, reservationsOf, type Store, withExistingStore, withStore } from "./store.ts";

type Config = HostLocalConfig;

function add(call: AddCall<Config>): Result {
  const { config, attachment } = call;
  const dns = readDns(config.resolvConf);
  const demand = {
    owner: leaseText(attachment.containerID, attachment.ifName),
    containerID: attachment.containerID,
    sets: config.sets,
    requested: requestedBy(call),
  };
  const allocations = withStore(placeOf(call), (store) => allocate(store, demand));
  return {
    ips: allocations.map(({ address, range }) => ({
      address: formatCidr({ address, prefixLength: range.subnet.prefixLength }),
      gateway: formatAddress(range.gateway),
    })),
    routes: config.routes,
    dns,
  };
}

/** CNI_ARGS has a say only where the newer ways to ask have not spoken (CNI conventions). */
function requestedBy({ args, config }: AddCall<Config>) {
  const fromArgs = args.IP === undefined || args.IP === "" || config.hasArgsIps ? [] : [args.IP];
  return [...parseIps(fromArgs, "CNI_ARGS IP"), ...config.requested];
}

function readDns(path: string | undefined): Dns {
  if (path === undefined) return {};
  const text = readTextIfPresent(path);
  if (text === undefined) {
    throw new CniError(Code.system, `Cannot read ipam.resolvConf "${path}": there is no such file`);
  }
  return parseResolvConf(text);
}

function del(call: DelCall<Config>): void {
  const place = placeOf(call);
  const isDone =
    withExistingStore(place, (store) => release(store, call) || store.isReread) ?? true;
  if (isDone || !hasRecord(call)) return;
  withExistingStore(place, (store) => {
    store.reread();
    release(store, call);
  });
}

function release(store: Store, call: DelCall<Config>): boolean {
  const held = reservationsOf(store, call.attachment);
  for (const address of held) store.release(address, store.ownerOf(address) ?? "");
  return held.length > 0;
}

/** Whether a record names the attachment, though no index says so: nobody waits for the search. */
function hasRecord({ attachment, config, network }: DelCall<Config>): boolean {
  const { containerID, ifName } = attachment;
  const owners = [leaseText(containerID, ifName), containerID.trim()];
  return isRecorded(`${config.dataDir}/${network}`, owners);
}

/** Frees what belongs to no valid attachment; a record without interface stays for its container. */
function gc(call: GcCall<Config>): void {
  withExistingStore(placeOf(call), (store) => {
    store.reread();
    const remove = (leases: readonly Lease[]) => {
      for (const { address, mark } of leases) store.release(address, mark);
    };
    const shelf = { ...leaseShelf(call.config.dataDir), remove };
    collectEach(shelf, call, ({ address }) => `release ${address}`);
  });
}

export const { main, handle, result, configuration } = ipamPlugin<Config>({
  name: "host-local",
  reference: "1.9.1",
  schema,
  args: ["IP"],
  parseConfig: parseHostLocalConfig,
  add,
  check,
  del,
  gc,
  status,
});
