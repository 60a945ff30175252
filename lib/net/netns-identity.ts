/**
 * Which network namespace is meant, beyond doubt: paths and inode numbers are used again once a
 * namespace is gone, cookies never are while the kernel runs.
 */

import * as host from "host";
import { bootId } from "../host/boot.ts";
import { checked, ENOPROTOOPT } from "../host/errno.ts";
import { closeFile } from "../host/file.ts";
import { descriptorStatus, fileStatus } from "../host/file-status.ts";
import { type Netns, NetnsError } from "./netns.ts";

/** A namespace as it is noted: device and inode of its file, and its cookie, in hexadecimal. */
export interface NetnsIdentity {
  /** The kernel's name for this boot, since all of the others begin anew with each. */
  readonly boot: string;
  readonly device: number;
  readonly inode: number;
  /** Not before Linux 5.14. */
  readonly cookie?: string;
}

/** What tells a namespace from all others that are, were or will be. */
export function identifyNetns(ns: Netns): NetnsIdentity {
  const path = "/proc/self/ns/net";
  const file = ns.fd < 0 ? fileStatus(path) : descriptorStatus(ns.fd);
  if (!file) throw new NetnsError(path, "there is no such file", false);
  const cookie = cookieOf(ns);
  return {
    boot: bootId(),
    device: file.device,
    inode: file.inode,
    ...(cookie === undefined ? {} : { cookie }),
  };
}

/** asm-generic/socket.h */
const SO_NETNS_COOKIE = 71;
const AF_UNIX = 1;
const SOCK_DGRAM = 2;

/** The number of a namespace, which any socket in it can tell; undefined where it has none. */
function cookieOf({ fd }: Netns): string | undefined {
  const made =
    fd < 0 ? host.socket(AF_UNIX, SOCK_DGRAM, 0) : host.socketIn(fd, AF_UNIX, SOCK_DGRAM, 0);
  const socket = checked(made, "make a socket in the network namespace");
  try {
    const cookie = new Uint8Array(8);
    const answer = host.socketOption(socket, cookie, SO_NETNS_COOKIE);
    if (answer === -ENOPROTOOPT) return undefined;
    checked(answer, "ask for the cookie of the network namespace");
    return Array.from(cookie, (byte) => byte.toString(16).padStart(2, "0")).join("");
  } finally {
    closeFile(socket);
  }
}

/** Whether a note is of a namespace; "unsure" if it says nothing, or one of both has no cookie. */
export function compareNetns(note: unknown, found: NetnsIdentity): "same" | "other" | "unsure" {
  if (typeof note !== "object" || note === null) return "unsure";
  const { boot, device, inode, cookie } = note as Partial<NetnsIdentity>;
  if (boot !== found.boot || device !== found.device || inode !== found.inode) return "other";
  if (cookie === undefined || found.cookie === undefined) return "unsure";
  return cookie === found.cookie ? "same" : "other";
}
