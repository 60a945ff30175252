/** A unix socket that tells whoever connects how a program is, and ends the connection (unix(7)). */

import * as host from "host";
import type { Cancel } from "./clock.ts";
import { EPOLLOUT, type EventLoop } from "./epoll.ts";
import { checked, EAGAIN } from "./errno.ts";
import { closeFile, deleteFileIfPresent, readToEnd } from "./file.ts";
import { makeRoom, openUnixSocket, SOCK_NONBLOCK, unixAddress } from "./unix-socket.ts";

/** So much of an answer is sent at once, whoever may not be reading. */
const ROOM = 8 << 20;
/** What is longer is sent as it is read, to so many at once, for so many milliseconds. */
const MOST_READERS = 4;
const READING_TIME = 10_000;
/** More of an answer is not read. */
const LONGEST = 256 << 20;

/** Listens at a path, in place of a socket that a dead program left; returns the descriptor. */
export function listenAt(path: string): number {
  deleteFileIfPresent(path);
  const fd = openUnixSocket(SOCK_NONBLOCK);
  checked(host.bind(fd, unixAddress(path)), "bind socket", path);
  checked(host.listen(fd), "listen at", path);
  return fd;
}

/** Who is being answered: how to end that. */
const readers = new Set<Cancel>();

/** Answers everybody who has connected; nobody keeps the loop waiting. */
export function answerAll(loop: EventLoop, listener: number, text: () => string): void {
  for (;;) {
    const fd = host.accept(listener, SOCK_NONBLOCK);
    if (fd < 0) return;
    makeRoom(fd, ROOM);
    const bytes = host.encode(text());
    const rest = sendSome(fd, bytes);
    if (rest.length === 0) closeFile(fd);
    else answerSlowly(loop, fd, rest);
  }
}

function answerSlowly(loop: EventLoop, fd: number, bytes: Uint8Array): void {
  let rest = bytes;
  const end = () => {
    cancel();
    readers.delete(end);
    loop.close(fd);
  };
  const cancel = loop.after(READING_TIME, end);
  readers.add(end);
  loop.watch(fd, EPOLLOUT, () => {
    rest = sendSome(fd, rest);
    if (rest.length === 0) end();
  });
  const [first] = readers;
  if (readers.size > MOST_READERS) first?.();
}

/** What is left to be sent; nothing of an answer that cannot be sent any more. */
function sendSome(fd: number, bytes: Uint8Array): Uint8Array {
  const sent = host.send(fd, bytes);
  if (sent === -EAGAIN) return bytes;
  return bytes.subarray(sent < 0 ? bytes.length : sent);
}

/** What a program says at its socket; undefined if nobody listens there. */
export function askAt(path: string): string | undefined {
  const fd = openUnixSocket();
  try {
    if (host.connect(fd, unixAddress(path)) < 0) return undefined;
    return host.decode(readToEnd(fd, `socket "${path}"`, LONGEST));
  } finally {
    closeFile(fd);
  }
}
