/**
 * Stream sockets of this machine (unix(7)), for who connects to a program and asks. A question is a
 * line, and so is its answer.
 */

import * as host from "host";
import { checked, EAGAIN, ECONNREFUSED, ENOENT, ETIMEDOUT, SystemError } from "./errno.ts";
import { Failure } from "./failure.ts";
import { closeFile } from "./file.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
export const SOCK_NONBLOCK = 0o4000;
/** asm-generic/socket.h */
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_SNDBUFFORCE = 32;
const MSG_DONTWAIT = 0x40;

/** How long to wait before connecting again where too many are in line, in milliseconds. */
const IN_LINE = 10;

/** struct sockaddr_un: the family, and a path that ends with a NUL. */
export function unixAddress(path: string): Uint8Array {
  return Uint8Array.of(AF_UNIX, 0, ...host.encode(path), 0);
}

/** Makes a stream socket that is not connected yet; throws SystemError. */
export function openUnixSocket(flags = 0): number {
  return checked(host.socket(AF_UNIX, SOCK_STREAM | flags, 0), "open a socket");
}

/** The user that the other end of a connection runs as; undefined if the kernel does not say. */
export function peerUser(fd: number): number | undefined {
  const credentials = new Int32Array(3); // struct ucred: pid, uid, gid
  const bytes = new Uint8Array(credentials.buffer);
  return host.socketOption(fd, bytes, SO_PEERCRED) < 0 ? undefined : credentials[1];
}

/** True if whoever is at the other end is root, or the user we are. */
export function isOwnPeer(fd: number): boolean {
  const user = peerUser(fd);
  return user === 0 || user === host.getuid();
}

/** Lets a connection take so many bytes at once, whoever may not be reading at the other end. */
export function makeRoom(fd: number, bytes: number): void {
  host.setOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, bytes);
}

/** What is asked at a socket, and for how long at most, in milliseconds. */
export interface Question {
  readonly path: string;
  readonly line: string;
  readonly within: number;
  /** More bytes of an answer are not read. */
  readonly longest: number;
}

/**
 * The answer to a question, a line; undefined if nobody listens. Throws SystemError (ETIMEDOUT) if
 * there is none in time, and Failure if it ends before the line does, or is another user's.
 */
export function askLine(question: Question): string | undefined {
  const { path, line, within } = question;
  const deadline = host.monotonic() + within;
  const fd = openUnixSocket(SOCK_NONBLOCK);
  try {
    if (!connectUntil(fd, path, deadline)) return undefined;
    if (!isOwnPeer(fd)) throw unanswered(path, "who listens there is not root");
    const bytes = host.encode(`${line}\n`);
    makeRoom(fd, 2 * bytes.length);
    if (checked(host.send(fd, bytes), "send to", path) < bytes.length) {
      throw unanswered(path, "the question is too long");
    }
    return receiveLine(fd, question, deadline);
  } finally {
    closeFile(fd);
  }
}

/** Says a line to whoever listens, and waits for nothing; what cannot be said now is not said. */
export function tellLine(path: string, line: string): void {
  const fd = openUnixSocket(SOCK_NONBLOCK);
  try {
    if (host.connect(fd, unixAddress(path)) < 0 || !isOwnPeer(fd)) return;
    host.send(fd, host.encode(`${line}\n`));
  } finally {
    closeFile(fd);
  }
}

/** True if a program listens at a path, as far as connecting tells. */
export function isAnybodyAt(path: string): boolean {
  const fd = openUnixSocket(SOCK_NONBLOCK);
  try {
    const outcome = host.connect(fd, unixAddress(path));
    return outcome >= 0 || outcome === -EAGAIN;
  } finally {
    closeFile(fd);
  }
}

/** False if nobody listens; where many are in line it is tried again. */
function connectUntil(fd: number, path: string, deadline: number): boolean {
  for (;;) {
    const outcome = host.connect(fd, unixAddress(path));
    if (outcome === -ENOENT || outcome === -ECONNREFUSED) return false;
    if (outcome !== -EAGAIN) return checked(outcome, "connect to", path) === 0;
    if (host.monotonic() >= deadline) throw new SystemError(`connect to "${path}"`, ETIMEDOUT);
    host.poll(new Int32Array(0), IN_LINE);
  }
}

function receiveLine(fd: number, { path, longest }: Question, deadline: number): string {
  const bytes = new Uint8Array(longest);
  let length = 0;
  while (length === 0 || bytes[length - 1] !== 10) {
    const left = Math.max(0, Math.ceil(deadline - host.monotonic()));
    if (host.poll(Int32Array.of(fd), left) === 0) {
      throw new SystemError(`read the answer of "${path}"`, ETIMEDOUT, false);
    }
    const n = host.receive(fd, bytes.subarray(length), MSG_DONTWAIT);
    if (n === -EAGAIN) continue;
    if (n <= 0) throw unanswered(path, length === longest ? "it is too long" : "it ended");
    length += n;
  }
  return host.decode(bytes.subarray(0, length - 1)) ?? "";
}

/** A question that was asked, and whose answer cannot be had: what it asked for may be done. */
export function unanswered(path: string, state: string): Failure {
  return new Failure("system", `Cannot have an answer at "${path}": ${state}`, { settled: false });
}
