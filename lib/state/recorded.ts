/** Records of attachments, and whose they are by their names or their content. */

import type { Marked, Shelf } from "../net/inventory.ts";
import type { Owner } from "../net/owner.ts";
import { deleteBackup, listBackups, listNames, readBackup } from "./backup.ts";

/** What is recorded of an attachment, in one file or more. */
export interface Recorded extends Marked {
  readonly network: string;
  readonly containerID: string;
  readonly ifName: string;
  readonly paths: readonly string[];
}

/** Former values below a directory; backups of the reference plugin name no attachment. */
export function backupShelf(directory: string): Shelf<Recorded> {
  return shelfOf((network) =>
    listBackups(directory).flatMap((name) => backupIn(`${directory}/${name}`, network)),
  );
}

/**
 * What delegates were given, below a directory; the records of an attachment are one. They go
 * without the delegate being told.
 *
 *   <directory>/<network>:<containerID>:<ifName>.json
 *   <directory>/<containerID>                           the same, where flannel's own plugin finds it
 *
 * The second one has room for one attachment of a container only, and says by "ifName" which that
 * is. One without that key is flannel's own, and not listed.
 */
export function delegatedShelf(directory: string): Shelf<Recorded> {
  return shelfOf((network) => listDelegated(directory, network));
}

/** The name of the first. No part of it can have a colon in it, so no two attachments have one. */
export function delegatedName({ network, containerID, ifName }: Owner): string {
  return `${network}:${containerID}:${ifName}.json`;
}

function shelfOf(list: (network: string) => readonly Recorded[]): Shelf<Recorded> {
  return {
    kind: "record",
    list,
    marksOf: (owner) => [markOf(owner)],
    inWords: ({ paths }) => `record ${paths.join(" and ")}`,
    remove: (records) => {
      for (const path of records.flatMap(({ paths }) => paths)) deleteBackup(path);
    },
  };
}

/** No part of it can have a slash in it. */
function markOf({ network, containerID, ifName }: Owner): string {
  return `${network}/${containerID}/${ifName}`;
}

function recorded(owner: Owner, path: string): Recorded {
  return { ...owner, mark: markOf(owner), paths: [path] };
}

function backupIn(path: string, network: string): readonly Recorded[] {
  const { containerID, ifName, ...rest } = readBackup(path) ?? {};
  if (rest.network !== network || containerID === undefined || ifName === undefined) return [];
  return [recorded({ network, containerID: `${containerID}`, ifName: `${ifName}` }, path)];
}

function listDelegated(directory: string, network: string): readonly Recorded[] {
  const names = listNames(directory);
  const shared = names.flatMap((name) => sharedIn(directory, network, name));
  const own = names.flatMap((name) => {
    const [of, containerID, ifName] = name.replace(/\.json$/, "").split(":");
    if (of !== network || containerID === undefined || ifName === undefined) return [];
    return [recorded({ network, containerID, ifName }, `${directory}/${name}`)];
  });
  const alone = shared.filter((each) => !names.includes(delegatedName(each)));
  return [...own.map((each) => withShared(each, shared)), ...alone];
}

/** Whose a record under a container's name is. */
function sharedIn(directory: string, network: string, name: string): readonly Recorded[] {
  if (name.includes(":")) return [];
  const path = `${directory}/${name}`;
  const found = readBackup(path);
  if (found?.name !== network || typeof found.ifName !== "string") return [];
  return [recorded({ network, containerID: name, ifName: found.ifName }, path)];
}

function withShared(own: Recorded, shared: readonly Recorded[]): Recorded {
  const same = shared.filter(({ mark }) => mark === own.mark);
  return { ...own, paths: [...own.paths, ...same.flatMap(({ paths }) => paths)] };
}
