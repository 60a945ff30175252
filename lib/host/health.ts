/** A unix socket that tells whoever connects how a program is, and ends the connection (unix(7)). */

import * as host from "host";
import { checked } from "./errno.ts";
import { closeFile, deleteFileIfPresent, readToEnd } from "./file.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
/** Room for a whole answer: whoever asks and does not read must not keep the program waiting. */
const LONGEST = 8 << 20;

/** struct sockaddr_un: the family, and a path that ends with a NUL. */
function address(path: string): Uint8Array {
  return Uint8Array.of(AF_UNIX, 0, ...host.encode(path), 0);
}

/** Listens at a path, in place of a socket that a dead program left; returns the descriptor. */
export function listenAt(path: string): number {
  deleteFileIfPresent(path);
  const fd = checked(host.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), "open a socket");
  checked(host.bind(fd, address(path)), "bind socket", path);
  checked(host.listen(fd), "listen at", path);
  return fd;
}

/** Answers everybody who has connected. */
export function answerAll(listener: number, text: () => string): void {
  for (;;) {
    const fd = host.accept(listener, SOCK_NONBLOCK);
    if (fd < 0) return;
    host.setOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, LONGEST);
    host.send(fd, host.encode(text()));
    closeFile(fd);
  }
}

/** What a program says at its socket; undefined if nobody listens there. */
export function askAt(path: string): string | undefined {
  const fd = checked(host.socket(AF_UNIX, SOCK_STREAM, 0), "open a socket");
  try {
    if (host.connect(fd, address(path)) < 0) return undefined;
    return host.decode(readToEnd(fd, `socket "${path}"`));
  } finally {
    closeFile(fd);
  }
}
