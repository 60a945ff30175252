/** Which file a plugin is: looked for in the directories of CNI_PATH (CNI spec, section 4). */

import { type FileStatus, fileStatus, isSameFile } from "../host/file-status.ts";
import { isPlainName } from "./environment.ts";
import { CniError, Code, configError } from "./error.ts";

/** The file of a plugin, and what stat(2) tells of it. */
export interface PluginFile {
  readonly path: string;
  readonly status: FileStatus;
}

/** The first regular file named `type`; throws CniError if the name is none, or nothing is found. */
export function findPlugin(type: string, searchPath: string): PluginFile {
  if (type === "") throw configError("ipam.type", "the name of a plugin", type);
  if (!isPlainName(type)) {
    throw configError("ipam.type", "the plain name of a plugin (invalid plugin name)", type);
  }
  const directories = searchPath.split(":").filter((directory) => directory !== "");
  if (directories.length === 0) {
    throw new CniError(Code.environment, `Cannot find plugin "${type}": CNI_PATH is not set`);
  }
  for (const directory of directories) {
    const path = `${directory}/${type}`;
    const status = fileStatus(path);
    if (status?.isFile) return { path, status };
  }
  const state = `failed to find it in path [${directories.join(" ")}]`;
  throw new CniError(Code.delegate, `Cannot find plugin "${type}": ${state}`);
}

/** True if a file is the image that this process runs, or a copy of the same time (`weft install`). */
export function isThisImage({ status }: PluginFile): boolean {
  const own = fileStatus("/proc/self/exe");
  return own !== undefined && (isSameFile(status, own) || isSameCopy(status, own));
}

function isSameCopy(a: FileStatus, b: FileStatus): boolean {
  return (
    a.size === b.size &&
    a.changedSeconds === b.changedSeconds &&
    a.changedNanoseconds === b.changedNanoseconds
  );
}
