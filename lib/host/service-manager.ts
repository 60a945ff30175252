/** Telling the service manager how a program is (sd_notify(3)). */

import * as host from "host";
import { closeFile } from "./file.ts";
import { SOCK_NONBLOCK } from "./unix-socket.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;

/** Sends what is the case, `READY=1` or `STATUS=…`, a line each; without a manager nothing happens. */
export function notifyManager(lines: readonly string[]): void {
  const path = host.getenv("NOTIFY_SOCKET") ?? "";
  if (!/^[/@]/.test(path)) return;
  const fd = host.socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  if (fd < 0) return;
  if (host.connect(fd, addressOf(path)) >= 0) host.send(fd, host.encode(lines.join("\n")));
  closeFile(fd);
}

/** A name that begins with "@" is none of a file: its first byte is 0 (unix(7)). */
function addressOf(path: string): Uint8Array {
  const isAbstract = path.startsWith("@");
  const bytes = host.encode(isAbstract ? `\0${path.slice(1)}` : `${path}\0`);
  return Uint8Array.of(AF_UNIX, 0, ...bytes);
}
