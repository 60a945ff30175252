/** Terminals (ioctl_tty(2)). */

import * as host from "host";

/** asm-generic/ioctls.h; struct winsize is rows, columns and two more of 16 bits. */
const TIOCGWINSZ = 0x5413;
const WINSIZE_BYTES = 8;
const USUAL_WIDTH = 80;

/** How many columns the terminal has that a descriptor leads to; undefined if it leads to none. */
export function terminalWidth(fd: number): number | undefined {
  const size = new Uint8Array(WINSIZE_BYTES);
  if (host.ioctl(fd, TIOCGWINSZ, size) < 0) return undefined;
  return new Uint16Array(size.buffer)[1] || USUAL_WIDTH;
}
