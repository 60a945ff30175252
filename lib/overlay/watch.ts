/** Waiting for changes: of files that others maintain, and of a namespace's links and entries. */

import * as host from "host";
import { EPOLLIN, type EventLoop } from "../host/epoll.ts";
import { checked } from "../host/errno.ts";
import { fileStatus } from "../host/file-status.ts";
import { answerAll, askAt, listenAt } from "../host/health.ts";
import { ensureOwnDirectory, tryOwnDirectory } from "../host/own-directory.ts";
import { exceptPortFilter } from "../host/socket-filter.ts";
import type { Netns } from "../net/netns.ts";
import { RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR } from "../netlink/address.ts";
import type { Connection } from "../netlink/connection.ts";
import { RTM_DELLINK, RTNLGRP_LINK } from "../netlink/link.ts";
import { NLM_F_REPLACE, type Received } from "../netlink/message.ts";
import { RTM_DELNEIGH, RTM_NEWNEIGH, RTNLGRP_NEIGH } from "../netlink/neighbour.ts";
import {
  RTM_DELROUTE,
  RTM_NEWROUTE,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV6_ROUTE,
} from "../netlink/route.ts";

const GROUPS = [
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
];

/** linux/inotify.h: written and closed, moved away or here, made, deleted, itself moved away. */
const CHANGED = 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x800;
const IN_NONBLOCK = 0o4000;

/** What has happened in the kernel. */
export type KernelEvent = Received;

/** Whose changes count. */
export interface Interest {
  /** Indexes of the links with entries of ours; undefined: every link counts. */
  readonly devices: readonly number[] | undefined;
  /** Index of the link by which others are reached: whom it knows there does not count. */
  readonly uplink: number | undefined;
  /**
   * The number that says who makes a route; others' do not count, except default routes and those
   * in place of another one.
   */
  readonly routeProtocol: number;
}

/** Changes of a namespace's links, addresses, routes, neighbours and fdb entries, as they happen. */
export class KernelChanges {
  readonly #ns: Netns;
  readonly #events: Connection;
  /** The port whose events the kernel keeps back. */
  #own = 0;

  constructor(ns: Netns) {
    this.#ns = ns;
    this.#events = ns.events();
    for (const group of GROUPS) this.#events.subscribe(group);
  }

  /** Can be read once something has happened. */
  get descriptor(): number {
    return this.#events.descriptor;
  }

  /** From now on the kernel does not tell of what this process asks it to change. */
  ignoreOwn(): void {
    const port = this.#ns.route.port ?? 0;
    if (port === this.#own) return;
    host.attachFilter(this.#events.descriptor, exceptPortFilter(port === 0 ? NOBODY : port));
    this.#own = port;
  }

  /**
   * Takes what has happened; true if any of it counts and is none of one's own doing: by the port it
   * bears, or as `isOwn` says. Events that were lost count.
   */
  take(interest: Interest, isOwn: (event: Received) => boolean = () => false): boolean {
    const events = this.#events.pendingEvents();
    if (events === undefined) return true;
    const own = this.#ns.route.port;
    // All are looked at: what is one's own depends on those before.
    let counts = false;
    for (const event of events) {
      if (event.port !== own && concerns(event, interest) && !isOwn(event)) counts = true;
    }
    return counts;
  }
}

/** A port that no socket has: the kernel gives such numbers to none. */
const NOBODY = 0xffffffff;

/** How often it is looked whether files' directories are there, in milliseconds. */
const LOOK = 2000;

/**
 * Calls `act` whenever the kernel has told of files, and every two seconds: it tells of no directory
 * that is deleted while a file of it is still open, as a lock is. `mayDiffer` is false if nothing was
 * told, and all directories are those that they were.
 */
export function watchFiles(
  loop: EventLoop,
  files: readonly string[],
  act: (mayDiffer: boolean) => void,
): void {
  const changes = new FileChanges(files);
  const look = () => act(changes.take());
  loop.watch(changes.descriptor, EPOLLIN, look);
  const lookAgain = () => {
    loop.after(LOOK, lookAgain);
    look();
  };
  loop.after(LOOK, lookAgain);
}

/** Changes in the directories of files. */
class FileChanges {
  readonly descriptor: number;
  readonly #directories: ReadonlySet<string>;
  /** The kernel's numbers for them: another directory of the same name has another one. */
  readonly #numbers = new Map<string, number>();

  /** Directories that are missing are made. */
  constructor(files: readonly string[]) {
    this.descriptor = checked(host.fileEvents(IN_NONBLOCK), "watch files");
    this.#directories = new Set(files.map(directoryOf));
    this.#watch();
  }

  /** Takes what has happened; false if nothing has. A directory that is gone is made again. */
  take(): boolean {
    const buffer = new Uint8Array(4096);
    let isTold = false;
    while (host.read(this.descriptor, buffer) > 0) isTold = true;
    return this.#watch() || isTold;
  }

  /** True if a directory is another one. To watch what is watched already changes nothing. */
  #watch(): boolean {
    let isOther = false;
    for (const directory of this.#directories) {
      if (!fileStatus(directory)) tryOwnDirectory(directory, 0o755);
      const watch = host.watch(this.descriptor, directory, CHANGED);
      const number = checked(watch, "watch", directory);
      if (this.#numbers.get(directory) !== number) isOther = true;
      this.#numbers.set(directory, number);
    }
    return isOther;
  }
}

/**
 * Makes a loop answer whoever connects to a socket with `health`; what is returned makes the socket
 * again if it is gone.
 */
export function tellHealth(loop: EventLoop, socket: string, health: () => string): () => void {
  ensureOwnDirectory(directoryOf(socket), 0o755);
  let listener = -1;
  const listen = () => {
    const former = listener;
    listener = listenAt(socket);
    loop.watch(listener, EPOLLIN, () => answerAll(loop, listener, health));
    if (former >= 0) loop.close(former);
  };
  listen();
  return () => {
    if (!fileStatus(socket)) listen();
  };
}

/** What the daemon behind a socket says of itself; undefined if none listens there. */
export function askDaemon(socket: string): string | undefined {
  return askAt(socket);
}

function directoryOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

/** True if an event tells of something that counts. */
function concerns({ type, flags, body }: Received, interest: Interest): boolean {
  const { bytes, at } = body;
  if (type === RTM_NEWROUTE || type === RTM_DELROUTE) {
    const [prefixLength, protocol] = [bytes[at + 1], bytes[at + 5]];
    const isInPlace = (flags & NLM_F_REPLACE) !== 0;
    return protocol === interest.routeProtocol || prefixLength === 0 || isInPlace;
  }
  const { devices, uplink } = interest;
  if (devices === undefined) return type !== RTM_DELLINK;
  const index = new DataView(bytes.buffer, bytes.byteOffset + at).getInt32(LINK_INDEX, true);
  const isNeighbour = type === RTM_NEWNEIGH || type === RTM_DELNEIGH;
  return devices.includes(index) || (index === uplink && !isNeighbour);
}

/** Where ifinfomsg, ifaddrmsg and ndmsg have the index of their link. */
const LINK_INDEX = 4;
