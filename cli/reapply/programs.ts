/** Whether the plugin that a runtime finds under a name is one of this suite. */

import * as host from "host";
import { findPlugin, isThisImage, type PluginFile } from "../../lib/cni/find-plugin.ts";
import { runProgram } from "../../lib/host/process.ts";

/** Tells of a plugin's name whether its file, if there is one, is of this suite. */
export type Programs = (type: string) => boolean;

/** Looks in CNI_PATH, once for each name. What is not found there is taken from this image. */
export function programsIn(path: string): Programs {
  const known = new Map<string, boolean>();
  return (type) => {
    const isOurs = known.get(type) ?? isOfSuite(fileOf(type, path));
    known.set(type, isOurs);
    return isOurs;
  };
}

function fileOf(type: string, path: string): PluginFile | undefined {
  try {
    return findPlugin(type, path);
  } catch {
    return undefined;
  }
}

/** How long a plugin may take to say who it is, in milliseconds. */
const PATIENCE = 5_000;

/** This very file, or another that says so if it is called without a command. */
function isOfSuite(file: PluginFile | undefined): boolean {
  if (!file || isThisImage(file)) return true;
  const env = [`PATH=${host.getenv("PATH") ?? ""}`];
  const about = {
    path: file.path,
    args: [],
    env,
    stdin: new Uint8Array(0),
    milliseconds: PATIENCE,
  };
  try {
    return /\+weft\./.test(host.decode(runProgram(about).stderr) ?? "");
  } catch {
    return false;
  }
}
