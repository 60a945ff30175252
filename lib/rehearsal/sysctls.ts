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

/** What a namespace has, but for some links; those that cannot be read are left out. */
export function readSysctls(ns: Netns, ignored: ReadonlySet<string> = new Set()): Sysctls {
  const found = new Map<string, string>();
  for (const folder of folders) {
    const fd = ns.open(`/proc/sys/net/${folder}`, O_RDONLY | O_DIRECTORY);
    if (fd < 0) continue;
    try {
      collect({ path: `/proc/self/fd/${fd}`, name: folder }, ignored, found);
    } finally {
      closeFile(fd);
    }
  }
  return found;
}

interface Folder {
  readonly path: string;
  readonly name: string;
}

function collect(folder: Folder, ignored: ReadonlySet<string>, into: Map<string, string>): void {
  const isOfLinks = /\/(conf|neigh)$/.test(folder.name);
  for (const each of listDirectory(folder.path)) {
    const [path, name] = [`${folder.path}/${each}`, `${folder.name}/${each}`];
    if (restless.test(name) || (isOfLinks && ignored.has(each))) continue;
    const value = readValue(path);
    if (value === "folder") collect({ path, name }, ignored, into);
    else if (value !== undefined) into.set(name, value.text);
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
export function writeSysctls(ns: Netns, wanted: Sysctls, ignored: ReadonlySet<string>): void {
  const isOfOne = (name: string) => /\/conf\/(?!all\/|default\/)/.test(name);
  for (const isMeant of [(name: string) => !isOfOne(name), isOfOne]) {
    // What is said of all links has its effects on each.
    const now = readSysctls(ns, ignored);
    for (const [name, value] of wanted) {
      const is = now.get(name);
      if (is !== undefined && is !== value && isMeant(name)) writeValue(ns, name, value);
    }
  }
}

function writeValue(ns: Netns, name: string, value: string): void {
  const fd = ns.open(`/proc/sys/net/${name}`, O_WRONLY);
  if (fd < 0) return;
  host.write(fd, host.encode(value));
  closeFile(fd);
}
