/** What flannel's own plugin keeps of containers, beside the records of this suite. */

import { listNames, readBackup } from "../state/backup.ts";

/**
 * Tells of containers whether flannel's own plugin attached them, by its record under the container's
 * name. This suite's `flannel` leaves one there as well, which says its interface.
 */
export function flannelsContainers(directory: string): (containerID: string) => boolean {
  let names: ReadonlySet<string> | undefined;
  return (containerID) => {
    names ??= new Set(namesIn(directory));
    if (!names.has(containerID)) return false;
    const record = readBackup(`${directory}/${containerID}`);
    return record !== undefined && record.ifName === undefined;
  };
}

/** Where others than root may not look, there is nothing to tell by. */
function namesIn(directory: string): readonly string[] {
  try {
    return listNames(directory);
  } catch {
    return [];
  }
}
