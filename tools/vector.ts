/** Captured netlink datagrams, for unit tests. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const folder = join(import.meta.dirname, "../lib/netlink/vectors");

/** One datagram, or messages one after the other; the file's first line tells what made it. */
export function vector(name: string): Uint8Array<ArrayBuffer> {
  const [, ...lines] = readFileSync(join(folder, `${name}.hex`), "utf8").split("\n");
  return new Uint8Array(Buffer.from(lines.join(""), "hex"));
}
