/**
 * A copy of this host, in namespaces of this process alone, in which everything can really be done:
 * it ends with the process, and nothing outside has changed.
 *
 *   read            links, addresses, routes, rules, sysctls, nf_tables of the host and the container
 *   leave           a mount namespace, and three network namespaces: the host's copy, the container's
 *                   copy, and one beyond, where uplinks lead to
 *   cover           files are read-only, but for copies in memory of those that plugins write to
 *   make again      what was read
 */

import * as host from "host";
import { SystemError } from "../host/errno.ts";
import { closeFile, O_CREAT, O_WRONLY } from "../host/file.ts";
import { fileStatus, isSameFile } from "../host/file-status.ts";
import { leaveNamespaces, leaveNetns } from "../host/leave.ts";
import { makeAllReadOnly, makeWritable, mountAlso, mountSysfs } from "../host/mounts.ts";
import { NetError } from "../net/error.ts";
import { isOwnNetns, type Netns, NetnsError, openNetns, ownNetns } from "../net/netns.ts";
import { NetlinkError } from "../netlink/error.ts";
import { fill, ignoredLinks, nothing, type Told, tell, withoutWaiting } from "./copy.ts";
import { coverFiles, type Files, makeParents } from "./files.ts";
import { makeLinks, type Places } from "./links.ts";
import { makeNft, type ToldNft, tellNft } from "./packet-filter.ts";

/** What a rehearsal is for: the path of the container's namespace, and files. */
export interface Wish {
  readonly netns: string;
  readonly files: Files;
}

/** A host and a container in which everything can be done. */
export interface Stage {
  readonly host: Netns;
  readonly container: Netns;
  /** The path by which the container is found here. */
  readonly netns: string;
  /** Directories in memory. */
  readonly directories: readonly string[];
  /** Links of the host whose sysctls are not looked at. */
  readonly ignored: ReadonlySet<string>;
  /** What is not as it is outside, in words. */
  readonly notes: readonly string[];
}

const OWN = "/proc/self/ns/net";

/** Reads this host and puts this process into a copy of it, for good. */
export function enterStage(wish: Wish): Stage {
  const outside = fileStatus(OWN);
  const told = tellAll(wish.netns);
  const { isUsers, ...places } = leave();
  const here = fileStatus(OWN);
  if (!outside || !here || isSameFile(outside, here)) throw stillHere();
  makeAllReadOnly();
  const directories = coverFiles(wish.files);
  if (fileStatus("/proc/sys/net")) {
    mountAlso("/proc/sys/net", "/proc/sys/net");
    makeWritable("/proc/sys/net");
  }
  mountSysfs();
  const netns = placeOf(places.container, wish.netns);
  const notes = [...(isUsers ? [withoutRoot] : []), ...told.notes, ...makeAgain(told, places)];
  const ignored = ignoredLinks(told.host.links);
  return { host: places.host, container: places.container, netns, directories, ignored, notes };
}

const withoutRoot =
  "this is not root: leases and nf_tables of this host are not seen, so addresses may be others";

function stillHere(): NetError {
  return new NetError("unsupported", "Cannot plan: the process is still in the host's namespace");
}

interface All {
  readonly host: Told;
  readonly container: Told;
  readonly nft: readonly ToldNft[];
  readonly notes: readonly string[];
}

function tellAll(path: string): All {
  const own = ownNetns();
  const told = { host: tell(own), nft: tellNft(own) };
  try {
    const netns = openNetns(path);
    if (isOwnNetns(netns)) throw new NetError("conflict", `Cannot plan for "${path}": ${itself}`);
    return { ...told, container: tell(netns), notes: [] };
  } catch (cause) {
    if (cause instanceof NetnsError && cause.missing) {
      const notes = [`there is no namespace ${path}: an empty one stands for it`];
      return { ...told, container: nothing, notes };
    }
    if (!(cause instanceof SystemError || cause instanceof NetlinkError)) throw cause;
    const notes = [
      `namespace ${path} cannot be seen, an empty one stands for it: ${cause.message}`,
    ];
    return { ...told, container: nothing, notes };
  }
}

const itself = "it is the network namespace of this host, and no container's";

/** Three namespaces that are empty: this process stays in the last one. */
function leave(): Places & { readonly isUsers: boolean } {
  const isUsers = leaveNamespaces();
  const beyond = openNetns(OWN);
  leaveNetns();
  const container = openNetns(OWN);
  leaveNetns();
  return { host: ownNetns(), container, beyond, isUsers };
}

function makeAgain({ host, container, nft }: All, places: Places): readonly string[] {
  withoutWaiting(places.host);
  withoutWaiting(places.container);
  return [
    ...makeLinks({ host: host.links, container: container.links }, places),
    ...fill(places.host, host),
    ...fill(places.container, container),
    ...makeNft(places.host, nft),
  ];
}

/** Where the container's namespace is not in /run, and can be mounted nowhere else. */
const SPARE = "/run/netns/weft-plan";

/** Makes a namespace be found by a path, if there can be a file, or else by another. */
function placeOf(netns: Netns, path: string): string {
  try {
    return mountNetns(netns, path);
  } catch (cause) {
    if (!(cause instanceof SystemError)) throw cause;
    return mountNetns(netns, SPARE);
  }
}

function mountNetns({ fd }: Netns, path: string): string {
  makeParents(path);
  const file = host.open(path, O_CREAT | O_WRONLY, 0o600);
  if (file >= 0) closeFile(file);
  mountAlso(`/proc/self/fd/${fd}`, path);
  return path;
}
