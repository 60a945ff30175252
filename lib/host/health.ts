/** A unix socket that tells whoever connects how a program is, and ends the connection (unix(7)). */

import * as host from "host";
import { checked } from "./errno.ts";
import { closeFile, deleteFileIfPresent, readToEnd } from "./file.ts";
import { makeRoom, openUnixSocket, SOCK_NONBLOCK, unixAddress } from "./unix-socket.ts";

/** Room for a whole answer: whoever asks and does not read must not keep the program waiting. */
const LONGEST = 8 << 20;

/** Listens at a path, in place of a socket that a dead program left; returns the descriptor. */
export function listenAt(path: string): number {
  deleteFileIfPresent(path);
  const fd = openUnixSocket(SOCK_NONBLOCK);
  checked(host.bind(fd, unixAddress(path)), "bind socket", path);
  checked(host.listen(fd), "listen at", path);
  return fd;
}

/** Answers everybody who has connected. */
export function answerAll(listener: number, text: () => string): void {
  for (;;) {
    const fd = host.accept(listener, SOCK_NONBLOCK);
    if (fd < 0) return;
    makeRoom(fd, LONGEST);
    host.send(fd, host.encode(text()));
    closeFile(fd);
  }
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
