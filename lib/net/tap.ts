/**
 * Taps: links whose other end is a file, by which a virtual machine sends and receives frames.
 *
 *   /dev/net/tun, opened in the namespace  ── makes ──▶  link, which goes when the file is closed
 *                                                        owner, group, alias, MTU, MAC, bridge
 *                                          ── keeps ──▶  link, which stays for whoever opens it next
 *
 * Keeping it comes last: whatever happens before, the link goes with the process.
 */

import { EBUSY, errnoName } from "../host/errno.ts";
import { Failure } from "../host/failure.ts";
import { closeFile, O_NOFOLLOW, O_NONBLOCK, O_RDWR } from "../host/file.ts";
import { lazily } from "../host/lazy.ts";
import { isTunFile, keepTap, makeTap, setTapGroup, setTapOwner, TUN_FILE } from "../host/tun.ts";
import type { Mac } from "../ip/mac.ts";
import { decodeReply } from "../netlink/connection.ts";
import * as netlink from "../netlink/link.ts";
import { NetError } from "./error.ts";
import { type LinkRef, type LinkState, toLinkState } from "./link.ts";
import type { Netns } from "./netns.ts";
import { performNamed } from "./together.ts";

/** Who may use a tap without privileges, and how. */
export interface TapUse {
  /** True if several queues may be attached: then whoever opens it has to say so as well. */
  readonly multiQueue: boolean;
  /** User and group by number; undefined lets all who may open the file and have CAP_NET_ADMIN. */
  readonly owner: number | undefined;
  readonly group: number | undefined;
}

/** A tap to be. */
export interface NewTap extends TapUse {
  readonly name: string;
  readonly alias: string;
  /** The SELinux context it is made in, if not this process's. */
  readonly selinuxContext: string | undefined;
  /** 0 leaves it to the kernel. */
  readonly mtu: number;
  /** Undefined leaves it to the kernel. */
  readonly mac: Mac | undefined;
  /** The bridge of the same namespace that it is a port of. */
  readonly bridge: LinkRef | undefined;
}

/** Makes a tap that stays, still down; throws NetError if its name is taken, or taps cannot be made. */
export function addTap(ns: Netns, tap: NewTap): LinkState {
  const fd = openTun(ns, tap.name);
  try {
    attach(fd, tap);
    if (tap.owner !== undefined) setTapOwner(fd, tap.owner);
    if (tap.group !== undefined) setTapGroup(fd, tap.group);
    const made = setUp(ns, tap);
    keepTap(fd);
    return made;
  } finally {
    closeFile(fd);
  }
}

function openTun(ns: Netns, name: string): number {
  const fd = tryToOpen(ns);
  const fault = openingFault(fd);
  if (!fault) return fd;
  if (fd >= 0) closeFile(fd);
  const { errno, message } = fault;
  throw new Failure("unsupported", `Cannot create tap "${name}": ${message}`, { errno });
}

function tryToOpen(ns: Netns): number {
  return ns.open(TUN_FILE, O_RDWR | O_NONBLOCK | O_NOFOLLOW);
}

/** What keeps taps from being made, its message the reason alone; undefined if nothing does. */
export function findTapFault(ns: Netns, selinuxContext: string | undefined): Failure | undefined {
  const fd = tryToOpen(ns);
  const fault = openingFault(fd);
  if (fd >= 0) closeFile(fd);
  if (fault || selinuxContext === undefined) return fault;
  return labelling().findContextFault(selinuxContext);
}

function openingFault(fd: number): Failure | undefined {
  if (fd >= 0 && isTunFile(fd)) return undefined;
  return lazily<typeof import("./tun-fault.lazy.ts")>("tun-fault").tunFault(Math.max(0, -fd));
}

function attach(fd: number, { name, multiQueue, selinuxContext }: NewTap): void {
  const outcome =
    selinuxContext === undefined
      ? makeTap(fd, name, multiQueue)
      : labelling().makeLabelledTap(fd, { name, multiQueue, selinuxContext });
  if (outcome >= 0) return;
  const what = `Cannot create tap "${name}"`;
  if (outcome === -EBUSY) throw new NetError("conflict", `${what}: a link has this name already`);
  throw new Failure("kernel", `${what}: ${errnoName(-outcome)}`, { errno: -outcome });
}

function labelling() {
  return lazily<typeof import("./labelled-tap.lazy.ts")>("labelled-tap");
}

function setUp(ns: Netns, { name, alias, mtu, mac, bridge }: NewTap): LinkState {
  const attributes = {
    alias,
    ...(mtu > 0 ? { mtu } : {}),
    ...(mac ? { address: mac } : {}),
    ...(bridge ? { master: bridge.index } : {}),
  };
  const port = bridge ? ` as a port of "${bridge.name}"` : "";
  const answers = performNamed(ns, {
    tap: netlink.changeLink(`set up tap "${name}"${port}`, name, { attributes }),
    link: netlink.getLink(name),
  });
  return toLinkState(decodeReply(answers.link, netlink.linkStateMessage));
}

/** The types of links that one driver makes (linux/if_tun.h). */
const types: { readonly [type: number]: string } = { 1: "tun", 2: "tap" };

/** What is wrong with a tap, in words, as far as the kernel tells (Linux 4.17); undefined if nothing. */
export function findTapDifference(ns: Netns, link: LinkRef, wanted: TapUse): string | undefined {
  const [reply] = ns.route.perform(netlink.getLink(link.index));
  const { attributes } = decodeReply(reply, netlink.linkMessage);
  const own = attributes.linkInfo?.own;
  const found = own?.kind === "tun" ? own.data : undefined;
  if (found?.type === undefined) return undefined;
  const faults = [
    differs("type", "tap", types[found.type]),
    differs("persistence", 1, found.persist),
    differs("number of queues", queues(wanted.multiQueue), queues(found.multiQueue === 1)),
    differs("owner", wanted.owner, found.owner),
    differs("group", wanted.group, found.group),
  ];
  return faults.find((fault) => fault !== undefined);
}

function queues(several: boolean): string {
  return several ? "several" : "one";
}

type Value = string | number | undefined;

function differs(what: string, expected: Value, found: Value): string | undefined {
  if (expected === found) return undefined;
  return `its ${what} should be ${expected ?? "none"}, found ${found ?? "none"}`;
}
