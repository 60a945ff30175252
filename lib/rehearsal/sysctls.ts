/** All sysctls of a network namespace, read at once, and written again in another. */

import * as host from "host";
import { listDirectory } from "../host/directory.ts";
import { closeFile, O_DIRECTORY, O_NONBLOCK, O_RDONLY, O_WRONLY } from "../host/file.ts";
import type { Netns } from "../net/netns.ts";

/** Values by their names below /proc/sys/net: `ipv4/ip_forward`. */
export type Sysctls = ReadonlyMap<string, string>;

/** The folders of /proc/sys/net, which are a namespace's once they are open. */
const folders = ["core", "ipv4", "ipv6", "bridge", "netfilter"];
/** Counters, and values that are other ones each time. */
const restless = /^netfilter\/(nf_conntrack_count|nf_log)|\/(flush|stable_secret|fib_|.*_mem)$/;

/** What a namespace has; those that cannot be read are left out. */
export function readSysctls(ns: Netns): Sysctls {
  const found = new Map<string, string>();
  for (const folder of folders) {
    const fd = ns.open(`/proc/sys/net/${folder}`, O_RDONLY | O_DIRECTORY);
    if (fd < 0) continue;
    try {
      collect(`/proc/self/fd/${fd}`, `${folder}`, found);
    } finally {
      closeFile(fd);
    }
  }
  return found;
}

/** A folder's own names tell what is a folder: conf, neigh and what is in these. */
function collect(path: string, name: string, into: Map<string, string>): void {
  for (const each of listDirectory(path)) {
    const [file, full] = [`${path}/${each}`, `${name}/${each}`];
    if (restless.test(full)) continue;
    const value = readValue(file);
    if (value === "folder") collect(file, full, into);
    else if (value !== undefined) into.set(full, value.text);
  }
}

const buffer = new Uint8Array(4096);
const EISDIR = 21;

function readValue(path: string): { readonly text: string } | "folder" | undefined {
  const fd = host.open(path, O_RDONLY | O_NONBLOCK, 0);
  if (fd < 0) return undefined;
  const length = host.read(fd, buffer);
  closeFile(fd);
  if (length === -EISDIR) return "folder";
  const text = length < 0 ? undefined : host.decode(buffer.subarray(0, length));
  return text === undefined ? undefined : { text: text.trim() };
}

/** Gives a namespace the values that another has, as far as the kernel lets it. */
export function writeSysctls(ns: Netns, wanted: Sysctls): void {
  const now = readSysctls(ns);
  const names = [...wanted.keys()].sort((a, b) => rank(a) - rank(b));
  for (const name of names) {
    const value = wanted.get(name);
    if (value === undefined || now.get(name) === undefined) continue;
    writeValue(ns, name, value);
  }
}

/** What is said of all links, and of those to come, has its effects on those that are there. */
function rank(name: string): number {
  if (!name.includes("/conf/")) return 0;
  if (name.includes("/all/")) return 1;
  return name.includes("/default/") ? 2 : 3;
}

function writeValue(ns: Netns, name: string, value: string): void {
  const fd = ns.open(`/proc/sys/net/${name}`, O_WRONLY);
  if (fd < 0) return;
  const read = ns.open(`/proc/sys/net/${name}`, O_RDONLY);
  const length = read < 0 ? -1 : host.read(read, buffer);
  const text = length < 0 ? "" : (host.decode(buffer.subarray(0, length)) ?? "").trim();
  if (text !== value) host.write(fd, host.encode(value));
  closeFile(fd);
  if (read >= 0) closeFile(read);
}
