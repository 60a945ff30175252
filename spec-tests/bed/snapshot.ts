/** The whole private machine as one flat object, so that two moments can be compared. */

import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { inBed } from "./c-programs.ts";
import { type Json, links, neighbours, nftables, queueing, routes, rules } from "./observations.ts";
import { bedDirectory } from "./paths.ts";
import type { PrivateHost } from "./private-host.ts";

/** Everything observed; each key names one thing, such as `box1 link eth0`. */
export type Snapshot = Readonly<Record<string, Json>>;

/** Takes a snapshot of a private host with all its namespaces and files. */
export function takeSnapshot(host: PrivateHost): Snapshot {
  const ended = host.run({ words: [inBed("observer")] });
  if (ended.status !== 0) throw new Error(`Cannot take a snapshot: ${ended.stderr}`);
  const things = new Map<string, Json>();
  for (const text of `${ended.stdout}`.split(/^@@@ /m).slice(1)) addNamespace(things, text);
  for (const folder of ["/run", "/var/lib", "/tmp"]) addFiles(things, host.root, folder);
  return Object.fromEntries([...things].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function addNamespace(things: Map<string, Json>, text: string): void {
  const [first = "", ...sections] = text.split(/^@@ /m);
  for (const section of sections) {
    const [title = "", ...lines] = section.split("\n");
    for (const [key, value] of readSection(title.trim(), lines.join("\n").trim())) {
      things.set(unused(things, `${first.trim()} ${key}`), value);
    }
  }
}

/** Equal things, such as two equal firewall rules, are counted: `…`, `… (2)`. */
function unused(things: ReadonlyMap<string, Json>, key: string): string {
  if (!things.has(key)) return key;
  for (let count = 2; ; count++) {
    if (!things.has(`${key} (${count})`)) return `${key} (${count})`;
  }
}

function readSection(title: string, text: string): readonly (readonly [string, Json])[] {
  const [kind = ""] = title.split(" ");
  if (text === "") return [];
  if (kind === "sysctls") return text.split("\n").map(sysctl);
  if (kind === "iptables")
    return text
      .split("\n")
      .filter(isOwnRule)
      .map((line) => [line, title]);
  const [json, second] = text.split("\n").map((line) => JSON.parse(line));
  if (kind === "links") return [...links(json), ...neighbours(second, "neighbours")];
  if (kind.startsWith("routes")) {
    return [...routes(json, title), ...rules(second, title.replace("routes", "rules"))];
  }
  if (kind === "fdb") return neighbours(json, title);
  if (kind === "nft") return nftables(json);
  return queueing(json, title);
}

function sysctl(line: string): readonly [string, Json] {
  const at = line.indexOf(":");
  return [`sysctl ${line.slice(0, at)}`, line.slice(at + 1)];
}

/** Rules and user chains; the empty built-in chains of a loaded table are nobody's. */
function isOwnRule(line: string): boolean {
  return line.startsWith("-A") || / - \[/.test(line);
}

function addFiles(things: Map<string, Json>, root: string, folder: string): void {
  for (const name of ifThere(() => readdirSync(`${root}${folder}`)) ?? []) {
    const path = `${folder}/${name}`;
    if (path === bedDirectory || folder === "/run/netns") continue;
    const seen = ifThere(() => look(`${root}${path}`));
    if (seen === undefined) continue;
    things.set(`${seen.kind} ${path}`, seen.value);
    if (seen.kind === "folder") addFiles(things, root, path);
  }
}

function look(path: string): { readonly kind: string; readonly value: Json } {
  const status = lstatSync(path);
  if (status.isSymbolicLink()) return { kind: "link", value: { target: readlinkSync(path) } };
  const mode = (status.mode & 0o7777).toString(8);
  if (status.isDirectory()) return { kind: "folder", value: { mode } };
  return { kind: "file", value: { mode, content: status.isFile() ? content(path) : "" } };
}

/** A daemon, such as containerd, may delete a file of its own meanwhile: that one is not there. */
function ifThere<T>(see: () => T): T | undefined {
  try {
    return see();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function content(path: string): string {
  const bytes = readFileSync(path);
  if (bytes.length <= 2000) return `${bytes}`;
  return `${bytes.length} bytes, sha256 ${createHash("sha256").update(bytes).digest("hex")}`;
}
