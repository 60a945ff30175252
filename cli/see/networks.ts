/** The networks that this host has files of. */

import * as host from "host";
import { listDirectory } from "../../lib/host/directory.ts";
import { fileStatus } from "../../lib/host/file-status.ts";
import { type NetworkList, readList } from "../list-file.ts";

/** The directory of networks, and what is in it. */
export interface Networks {
  readonly directory: string;
  readonly lists: readonly NetworkList[];
}

/**
 * The networks of NETCONFPATH, as they are found by name: lists before single plugins, and of two
 * files of one name the first. Files that cannot be read are left out.
 */
export function networksIn(): Networks {
  const directory = host.getenv("NETCONFPATH") || "/etc/cni/net.d";
  if (!fileStatus(directory)?.isDirectory) return { directory, lists: [] };
  const names = listDirectory(directory).sort();
  const ordered = [
    ...names.filter((name) => name.endsWith(".conflist")),
    ...names.filter((name) => /\.(conf|json)$/.test(name)),
  ];
  const lists = ordered.flatMap((name) => listAt(`${directory}/${name}`) ?? []);
  const byName = new Map([...lists].reverse().map((list) => [list.name, list]));
  return { directory, lists: [...byName.values()] };
}

function listAt(path: string): NetworkList | undefined {
  try {
    return readList(path);
  } catch {
    return undefined;
  }
}
