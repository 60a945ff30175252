/** Stream sockets of this machine (unix(7)), for the program that listens: it never waits. */

import * as host from "host";
import { checked, EAGAIN, ECONNABORTED, ECONNREFUSED, EINTR, ENOENT } from "./errno.ts";
import { Failure } from "./failure.ts";
import { closeFile, deleteFileIfPresent } from "./file.ts";
import { makeRoom, openUnixSocket, SOCK_NONBLOCK, unixAddress } from "./unix-socket.ts";

const MSG_DONTWAIT = 0x40;
const S_IFMT = 0o170000;
const S_IFSOCK = 0o140000;

/**
 * Listens at a path and returns the descriptor, which never waits. A socket that a dead program left
 * there is replaced; throws Failure if a living one listens, or if there is another kind of file.
 */
export function listenWhereFree(path: string): number {
  removeIfDead(path);
  const fd = openUnixSocket(SOCK_NONBLOCK);
  try {
    checked(host.bind(fd, unixAddress(path)), "bind socket", path);
    checked(host.listen(fd), "listen at", path);
    return fd;
  } catch (cause) {
    closeFile(fd);
    throw cause;
  }
}

function removeIfDead(path: string): void {
  const fields = new Float64Array(3);
  const outcome = host.lstat(path, fields);
  if (outcome === -ENOENT) return;
  checked(outcome, "stat", path);
  if (((fields[2] ?? 0) & S_IFMT) !== S_IFSOCK)
    throw taken(path, "there is a file of another kind");
  if (isAlive(path)) throw taken(path, "another program listens there already");
  deleteFileIfPresent(path);
}

function taken(path: string, state: string): Failure {
  return new Failure("conflict", `Cannot listen at "${path}": ${state}`);
}

/** Only a refusal is the kernel's word that nobody listens. */
function isAlive(path: string): boolean {
  const fd = openUnixSocket(SOCK_NONBLOCK);
  const outcome = host.connect(fd, unixAddress(path));
  closeFile(fd);
  return outcome !== -ECONNREFUSED && outcome !== -ENOENT;
}

/** The next connection, which never waits; undefined if none is there. Throws SystemError. */
export function acceptConnection(listener: number): number | undefined {
  const fd = host.accept(listener, SOCK_NONBLOCK);
  const isNone = fd === -EAGAIN || fd === -EINTR || fd === -ECONNABORTED;
  return isNone ? undefined : checked(fd, "accept a connection");
}

/** What has come by a connection: empty if it has ended, undefined if nothing has come. */
export function receiveSome(fd: number): Uint8Array | undefined {
  const bytes = new Uint8Array(16_384);
  const n = host.receive(fd, bytes, MSG_DONTWAIT);
  if (n === -EAGAIN || n === -EINTR) return undefined;
  return bytes.subarray(0, Math.max(0, n));
}

/** Sends a text without waiting: there is room for all of it, whether it is read or not. */
export function sendAll(fd: number, text: string): void {
  const bytes = host.encode(text);
  makeRoom(fd, 2 * bytes.length);
  host.send(fd, bytes);
}

/** Bytes as text; "" if they are none. */
export function textOf(bytes: Uint8Array): string {
  return host.decode(bytes) ?? "";
}
