/**
 * A network namespace as a value. Verbs of this folder take the namespace they act on as their
 * first argument; the process itself never stays in another namespace than its own.
 */

import * as host from "host";
import { checked, ENOENT, ENOTDIR, ENOTTY } from "../host/errno.ts";
import { Failure } from "../host/failure.ts";
import { closeFile, O_NONBLOCK } from "../host/file.ts";
import { descriptorStatus, fileStatus, isSameFile } from "../host/file-status.ts";
import { Connection, NETLINK_NETFILTER, NETLINK_ROUTE } from "../netlink/connection.ts";

/** Magic numbers of the file systems that hold namespace files (linux/magic.h). */
const NSFS_MAGIC = 0x6e736673;
const PROC_SUPER_MAGIC = 0x9fa0;

/** linux/sched.h */
const CLONE_NEWNET = 0x40000000;

/** A path that is no network namespace; `missing` if there is nothing at all. */
export class NetnsError extends Failure {
  readonly missing: boolean;

  constructor(path: string, state: string, missing: boolean) {
    super("namespace", `Cannot open network namespace "${path}": ${state}`);
    this.name = "NetnsError";
    this.missing = missing;
  }
}

/**
 * How many addresses, routes and the like of a container are looked at: it may have any number, and
 * who made them must not decide what memory and time it takes to ask.
 */
const LONGEST_LIST = 16_384;

/** One network namespace: the process's own (`fd` is -1) or another, held open. */
export class Netns {
  readonly fd: number;
  /** CNI_NETNS as it was given; "" for the process's own. */
  readonly path: string;
  #route: Connection | undefined;
  #netfilter: Connection | undefined;

  constructor(fd: number, path: string) {
    this.fd = fd;
    this.path = path;
  }

  /** rtnetlink: links, addresses, routes, neighbours, qdiscs. */
  get route(): Connection {
    this.#route ??= this.#connect(NETLINK_ROUTE, this.#longestList());
    return this.#route;
  }

  /** nfnetlink: nf_tables and conntrack. */
  get netfilter(): Connection {
    this.#netfilter ??= this.#connect(NETLINK_NETFILTER, this.#longestList());
    return this.#netfilter;
  }

  /** A new rtnetlink socket, for events: answers and events do not mix on one socket. */
  events(): Connection {
    return this.#connect(NETLINK_ROUTE);
  }

  #longestList(): number | undefined {
    return this.fd < 0 ? undefined : LONGEST_LIST;
  }

  #connect(protocol: number, longest?: number): Connection {
    const { fd } = this;
    const open = (domain: number, type: number, family: number) =>
      fd < 0 ? host.socket(domain, type, family) : host.socketIn(fd, domain, type, family);
    return new Connection(protocol, open, longest);
  }

  /** open(2) as seen from inside, which matters under /proc/sys/net; -errno on failure. */
  open(path: string, flags: number): number {
    return this.fd < 0 ? host.open(path, flags, 0) : host.openIn(this.fd, path, flags);
  }
}

/** The namespace the process runs in: the runtime's, in CNI's words. */
export function ownNetns(): Netns {
  return new Netns(-1, "");
}

/** Opens a namespace by path; throws NetnsError if it is missing or something else. */
export function openNetns(path: string): Netns {
  const fd = host.open(path, O_NONBLOCK, 0);
  if (fd === -ENOENT || fd === -ENOTDIR) throw new NetnsError(path, "there is no such file", true);
  checked(fd, "open network namespace", path);
  try {
    requireNamespace(fd, path);
  } catch (cause) {
    closeFile(fd);
    throw cause;
  }
  return new Netns(fd, path);
}

/** A file that cannot be asked may be a namespace: that it is none must be the kernel's word. */
function requireNamespace(fd: number, path: string): void {
  const magic = checked(host.filesystemType(fd), "open network namespace", path);
  if (magic !== NSFS_MAGIC && magic !== PROC_SUPER_MAGIC) {
    throw new NetnsError(path, "it is not a namespace file", false);
  }
  const type = host.namespaceType(fd);
  if (type !== -ENOTTY && checked(type, "open network namespace", path) === CLONE_NEWNET) return;
  throw new NetnsError(path, "it is not a network namespace", false);
}

/** True if a namespace is the process's own; throws NetnsError if nobody can tell. */
export function isOwnNetns(netns: Netns): boolean {
  const path = "/proc/self/ns/net";
  const own = fileStatus(path);
  if (!own) throw new NetnsError(path, "there is no such file", false);
  return isSameFile(own, descriptorStatus(netns.fd));
}
