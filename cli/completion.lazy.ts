/**
 * `weft completion`: scripts that make shells complete words of weft, and the names of this host
 * that these scripts ask for. A shell waits for them, so what cannot be asked is nothing, not an error.
 */

import * as host from "host";
import { listDirectory } from "../lib/host/directory.ts";
import { lazily } from "../lib/host/lazy.ts";
import { listKept } from "./cache.ts";
import { readList } from "./list-file.ts";

/** The exit status, or undefined for wrong usage. */
export function run(words: readonly string[]): number | undefined {
  const [first = "", second = "", ...more] = words;
  if (first === "--words" && more.length === 0) return tellNames(second);
  if (words.length !== 1) return undefined;
  const scripts = lazily<typeof import("./completion-scripts.lazy.ts")>("completion-scripts");
  const script = scripts.script(first);
  return script === undefined ? undefined : print(script);
}

/** One name a line; who reads lines could not tell a name with a line end from two. */
function tellNames(kind: string): number | undefined {
  const find = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (!find) return undefined;
  const names = new Set(orNone(find).filter((name) => name !== "" && !/\p{Cc}/u.test(name)));
  return print(Array.from(names, (name) => `${name}\n`).join(""));
}

const kinds: { readonly [kind: string]: () => readonly string[] } = {
  networks,
  netns: () =>
    listDirectory("/run/netns")
      .sort()
      .map((name) => `/run/netns/${name}`),
  containers: () => listKept().map(({ containerID }) => containerID),
};

/** The networks of the files that can be read; the others are told of by `weft validate`. */
function networks(): readonly string[] {
  const directory = host.getenv("NETCONFPATH") || "/etc/cni/net.d";
  const files = listDirectory(directory).filter((name) => /\.(conflist|conf|json)$/.test(name));
  return files.sort().flatMap((file) => orNone(() => [readList(`${directory}/${file}`).name]));
}

function orNone(find: () => readonly string[]): readonly string[] {
  try {
    return find();
  } catch {
    return [];
  }
}

function print(text: string): number {
  host.write(1, host.encode(text));
  return 0;
}
