/**
 * Whether an attachment lives: signs of a container's network namespace, wherever it is. Its path
 * may be gone while a process keeps it, and may never have been seen from here.
 *
 *   its path opens  ──▶ lives
 *   its host end    ──▶ lives: a veth goes when the namespace of its peer goes
 *   its MAC         ──▶ lives, if an interface of its name has it in a namespace that is found by
 *                       /run/netns or a process; its address, where the MAC is not known
 */

import * as boot from "../host/boot.ts";
import { listDirectory } from "../host/directory.ts";
import { bootMilliseconds } from "../host/epoll.ts";
import { SystemError } from "../host/errno.ts";
import { closeFile } from "../host/file.ts";
import { fileStatus } from "../host/file-status.ts";
import { formatAddress, parseAddress } from "../ip/address.ts";
import { closeNetns } from "../net/close-netns.ts";
import { interfacesOf } from "../net/interfaces.ts";
import { type Link, listLinks } from "../net/link.ts";
import { type Netns, NetnsError, openNetns } from "../net/netns.ts";
import { type Owner, ownerAliases } from "../net/owner.ts";

/** What is known of an attachment. */
export interface Clues {
  readonly owner: Owner;
  /** The path of its namespace; "" if it is not known. */
  readonly netns: string;
  /** The names of links that it has on the host. */
  readonly hostLinks: readonly string[];
  /** The MACs that its interface may have; none if they are not known. */
  readonly macs: readonly string[];
  /** Its addresses, without lengths; they may be another's in a network that overlaps. */
  readonly addresses: readonly string[];
}

/** Says in words why an attachment lives; undefined if there is no sign of it. */
export type Watcher = (clues: Clues) => string | undefined;

/**
 * Looks for signs of life on a host, by its links; namespaces are looked through once, if it comes
 * to that.
 */
export function watcher(host: Netns, links: readonly Link[] = listLinks(host)): Watcher {
  const hostEndOf = hostEndFinder(links);
  let homeOf: ReturnType<typeof homeFinder> | undefined;
  return (clues) => {
    const { netns, addresses, macs } = clues;
    if (netns !== "" && isNetns(netns)) return `its namespace ${netns} is there`;
    const end = hostEndOf(clues);
    if (end !== undefined) return `its host end ${end} is there`;
    if (addresses.length + macs.length === 0) return undefined;
    homeOf ??= homeFinder();
    const home = homeOf(clues);
    return home === undefined ? undefined : `its interface is in ${home}`;
  };
}

/** Finds the veth that is an attachment's by its alias, or by its name where it has none. */
function hostEndFinder(links: readonly Link[]): (clues: Clues) => string | undefined {
  const veths = links.filter(({ kind }) => kind === "veth");
  const byAlias = new Map(veths.map(({ alias, name }) => [alias, name]));
  const unmarked = new Set(veths.flatMap(({ alias, name }) => (alias === "" ? name : [])));
  return ({ owner, hostLinks }) => {
    const alias = ownerAliases(owner).find((each) => byAlias.has(each));
    if (alias !== undefined) return byAlias.get(alias);
    return hostLinks.find((name) => unmarked.has(name));
  };
}

/** Finds the namespace that has an attachment's interface: by its MAC, or else by its addresses. */
function homeFinder(): (clues: Clues) => string | undefined {
  const homes = new Map<string, string>();
  for (const path of livingNamespaces()) {
    for (const { name, mac, addresses } of unlessGone(() => interfacesIn(path)) ?? []) {
      for (const sign of [mac, ...addresses]) homes.set(`${name} ${sign}`, path);
    }
  }
  return ({ owner: { ifName }, macs, addresses }) => {
    const signs = macs.length > 0 ? macs : addresses;
    return signs.map((sign) => homes.get(`${ifName} ${sign}`)).find((path) => path !== undefined);
  };
}

/** The addresses that a text names, without lengths, as words or parts of a path. */
export function addressesIn(text: string): readonly string[] {
  const words = text.split(/[\s/,"]+/).map((word) => parseAddress(word));
  return words.flatMap((address) => (address ? [formatAddress(address)] : []));
}

/** True if a file was changed in the last minutes, or if nobody can tell: somebody may be at work. */
export function isYoung(path: string, seconds: number): boolean {
  const began = boot.bootTime();
  const changed = fileStatus(path)?.changedSeconds;
  if (changed === undefined) return false;
  return began === 0 || began + bootMilliseconds() / 1000 - changed < seconds;
}

/** True if a path leads to a network namespace, or nobody can tell: only what is certainly none counts as gone. */
export function isNetns(path: string): boolean {
  try {
    closeFile(openNetns(path).fd);
    return true;
  } catch (cause) {
    return !(cause instanceof NetnsError);
  }
}

/** A path for each network namespace that a process is in, or that `ip netns` has a name for. */
function livingNamespaces(): readonly string[] {
  const named = namesIn("/run/netns").map((name) => `/run/netns/${name}`);
  const running = namesIn("/proc").filter((name) => /^\d+$/.test(name));
  const byInode = new Map<number, string>();
  for (const path of [...named, ...running.map((pid) => `/proc/${pid}/ns/net`)]) {
    const inode = inodeOf(path);
    if (inode !== undefined && !byInode.has(inode)) byInode.set(inode, path);
  }
  const own = inodeOf("/proc/self/ns/net");
  if (own !== undefined) byInode.delete(own);
  return [...byInode.values()];
}

function namesIn(directory: string): readonly string[] {
  return unlessGone(() => listDirectory(directory)) ?? [];
}

function inodeOf(path: string): number | undefined {
  return unlessGone(() => fileStatus(path)?.inode);
}

function interfacesIn(path: string) {
  const ns = openNetns(path);
  try {
    return interfacesOf(ns);
  } finally {
    closeNetns(ns);
  }
}

/** Processes and their namespaces come and go while one looks. */
function unlessGone<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch (cause) {
    if (cause instanceof SystemError || cause instanceof NetnsError) return undefined;
    throw cause;
  }
}
