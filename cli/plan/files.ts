/** Which files a plan must have: what plugins write to, and what they and this program read. */

import * as host from "host";
import { isObject, type Json } from "../../lib/cni/json.ts";
import { absolutePath, fileStatus } from "../../lib/host/file-status.ts";
import type { Files } from "../../lib/rehearsal/files.ts";
import type { NetworkList } from "../list-file.ts";
import type { Wanted } from "../list-options.ts";

/** Where results, leases and records are kept. */
const KEPT = "/var/lib/cni";
/** What flannel's daemon tells of its subnet. */
const FLANNEL = "/run/flannel";

/** What a network's plugins are configured to write and read, besides the usual places. */
export function filesFor(wanted: Wanted, list: NetworkList | undefined): Files {
  const told = (list?.plugins ?? []).flatMap((plugin) => pathsIn(plugin, ""));
  const writable = told.filter(([key]) => /dir$/i.test(key)).map(([, path]) => path);
  const read = told.map(([, path]) => path).filter(isFile);
  const { path, directory, file } = wanted;
  const folders = [
    ...path.split(":"),
    ...(host.getenv("PATH") ?? "").split(":"),
    directory,
    ...(file === undefined ? [] : [folderOf(absolutePath(file))]),
  ];
  const named = folders.filter((each) => each !== "").map(absolutePath);
  return { writable: [KEPT, ...writable], visible: [FLANNEL, ...named, ...read] };
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

/** A socket is that of somebody who would really do what he is asked for. */
function isFile(path: string): boolean {
  try {
    return fileStatus(path)?.isFile === true;
  } catch {
    return false;
  }
}

/** Paths from the root in a configuration, each with the name of the key that has it. */
function pathsIn(
  value: Json | undefined,
  key: string,
): readonly (readonly [key: string, path: string])[] {
  if (typeof value === "string") {
    return /^\/[^\0]*[^/\0]$/.test(value) && !value.split("/").includes("..") ? [[key, value]] : [];
  }
  if (Array.isArray(value)) return value.flatMap((each) => pathsIn(each, key));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, each]) => pathsIn(each, name));
}
