/**
 * host-local: addresses out of ranges that belong to this host alone.
 *
 *   <dataDir>/<network>/10.8.0.50    a file per reserved address, holding its owner
 *
 * Nothing else is kept: what is free is what has no file.
 */

import type { AddCall, CheckCall, DelCall, GcCall, StatusCall } from "../../lib/cni/call.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import type { Dns, Result } from "../../lib/cni/result.ts";
import { ipamPlugin } from "../../lib/cni/run.ts";
import { asMuchAsPossible } from "../../lib/cni/undo.ts";
import { fileStatus, isWritable, readTextIfPresent, warn } from "../../lib/host/file.ts";
import { directoryFault } from "../../lib/host/own-directory.ts";
import { formatAddress } from "../../lib/ip/address.ts";
import { formatCidr, parseCidr } from "../../lib/ip/cidr.ts";
import { rangeContains } from "../../lib/ip/range.ts";
import { allocate, usage } from "./allocate.ts";
import { describeSet, type HostLocalConfig, parseHostLocalConfig, parseIps } from "./config.ts";
import * as schema from "./host-local.schema.json";
import { parseResolvConf } from "./resolvconf.ts";
import {
  isRecorded,
  listReservations,
  ownerText,
  type Place,
  type Store,
  withExistingStore,
  withStore,
} from "./store.ts";

type Config = HostLocalConfig;

function placeOf({
  config,
  network,
}: {
  readonly config: Config;
  readonly network: string;
}): Place {
  const { dataDir, reclaimAfterReboot } = config;
  return { dataDir, reclaimAfterReboot, network };
}

function add(call: AddCall<Config>): Result {
  const { config, attachment } = call;
  const dns = readDns(config.resolvConf);
  const demand = {
    owner: ownerText(attachment.containerID, attachment.ifName),
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

/** The reservation is there, and is the one that was reported. */
function check(call: CheckCall<Config>): void {
  const { containerID, ifName } = call.attachment;
  const reported = (call.prevResult?.ips ?? []).flatMap(
    ({ address }) => parseCidr(address)?.address ?? [],
  );
  const missingIn = (held: readonly string[]) =>
    reported.find(
      (address) => isInSets(call.config, address) && !held.includes(formatAddress(address)),
    );
  const held =
    withExistingStore(placeOf(call), (store) => {
      const known = reservationsOf(store, call);
      if (known.length > 0 && !missingIn(known)) return known;
      store.reread();
      return reservationsOf(store, call);
    }) ?? [];
  if (held.length === 0) {
    throw new CniError(
      Code.checkFailed,
      `Cannot confirm the reservation: Failed to find address added by container ${containerID}`,
      `interface "${ifName}"`,
    );
  }
  const missing = missingIn(held);
  if (missing) {
    const text = formatAddress(missing);
    throw new CniError(
      Code.checkFailed,
      `Cannot confirm the reservation: ${text} is not reserved for container ${containerID}, it has ${held.join(", ")}`,
    );
  }
}

function isInSets({ sets }: Config, address: Uint8Array): boolean {
  return sets.some((set) =>
    set.some((range) => range.start.length === address.length && rangeContains(range, address)),
  );
}

/** The addresses of an attachment; very old reservations have the container's ID alone. */
function reservationsOf(
  store: Store,
  { attachment }: { attachment: DelCall<Config>["attachment"] },
): string[] {
  const held = store.addressesOf(ownerText(attachment.containerID, attachment.ifName));
  return held.length > 0 ? held : store.addressesOf(attachment.containerID.trim());
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
  const held = reservationsOf(store, call);
  for (const address of held) store.release(address, store.ownerOf(address) ?? "");
  return held.length > 0;
}

/** Whether a record names the attachment, though no index says so: nobody waits for the search. */
function hasRecord({ attachment, config, network }: DelCall<Config>): boolean {
  const { containerID, ifName } = attachment;
  const owners = [ownerText(containerID, ifName), containerID.trim()];
  return isRecorded(`${config.dataDir}/${network}`, owners);
}

/** Frees what belongs to no valid attachment; a record without interface stays for its container. */
function gc(call: GcCall<Config>): void {
  const valid = new Set(
    call.valid.map(({ containerID, ifName }) => ownerText(containerID, ifName)),
  );
  const containers = new Set(call.valid.map(({ containerID }) => containerID.trim()));
  withExistingStore(placeOf(call), (store) => {
    store.reread();
    const stale = store
      .list()
      .filter(
        ({ owner }) => !valid.has(owner) && (owner.includes("\r\n") || !containers.has(owner)),
      );
    asMuchAsPossible(
      ...stale.map(
        ({ address, owner }) =>
          [`release ${address}`, () => store.release(address, owner)] as const,
      ),
    );
  });
}

/**
 * Ready if every set has an address to give, and there is a directory to note it in. One whose
 * addresses are all in use is ready as well: what runs is well, and runtimes take the whole node
 * out of service where the network is not.
 */
function status(call: StatusCall<Config>): void {
  const { dataDir, sets, failsWhenFull } = call.config;
  const path = `${dataDir}/${call.network}`;
  const fault = directoryFault(path);
  if (fault !== undefined) throw unavailable(call, `directory "${path}" is not safe: ${fault}`);
  const directory = nearestDirectory(path);
  if (!fileStatus(directory)?.isDirectory)
    throw unavailable(call, `"${directory}" is no directory`);
  if (!isWritable(directory)) throw unavailable(call, `directory "${directory}" is not writable`);
  const reserved = fileStatus(path) ? listReservations(path).map(({ address }) => address) : [];
  for (const set of sets) {
    const { used, size } = usage(reserved, set);
    if (used < size) continue;
    const figures = `${describeSet(set)}, ${used} of ${size} in use`;
    const state = `no IP addresses available in range set: ${figures}`;
    if (failsWhenFull || size === 0) throw unavailable(call, state);
    warn(`host-local: network "${call.network}" has ${state}`);
  }
}

function unavailable({ network }: StatusCall<Config>, state: string): CniError {
  return new CniError(Code.notAvailable, `Cannot serve network "${network}": ${state}`);
}

/** The directory itself, or the one it would be made in. */
function nearestDirectory(path: string): string {
  if (path === "" || fileStatus(path)) return path === "" ? "/" : path;
  return nearestDirectory(path.slice(0, path.lastIndexOf("/")));
}

export const { main, handle, configuration } = ipamPlugin<Config>({
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
