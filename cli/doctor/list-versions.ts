/** Lists of a version that the runtime, or one of the plugins it would run, does not know yet. */

import { memberOf } from "../../lib/cni/config.ts";
import { isObject } from "../../lib/cni/json.ts";
import { isAtLeast, newestVersion, supportedVersions } from "../../lib/cni/version.ts";
import type { NetworkList } from "../list-file.ts";
import type { Check, Finding } from "./finding.ts";
import { listsOf, typesOf } from "./loaded.ts";
import { findProgram, newestOf } from "./program.ts";
import type { Runtime } from "./runtime.ts";

/** Programs in Go say which version of CNI's module they were built with; of others nobody knows. */
export const listVersions: Check = ({ runtimes: { found } }) =>
  found.flatMap((runtime) => {
    const lists = listsOf(runtime).filter((list) => isKnown(plainVersion(list)));
    return [...byRuntime(runtime, lists), ...lists.flatMap((list) => byPlugins(runtime, list))];
  });

/** What a list says in `cniVersion`, which is all that older runtimes and plugins look at. */
function plainVersion({ text }: NetworkList): string {
  const json: unknown = JSON.parse(text);
  const version = isObject(json) ? memberOf(json, "cniVersion") : undefined;
  return typeof version === "string" ? version : "";
}

function isKnown(version: string): boolean {
  return (supportedVersions as readonly string[]).includes(version);
}

function byRuntime({ name, program }: Runtime, lists: readonly NetworkList[]): readonly Finding[] {
  const newest = program === undefined ? newestVersion : newestKnownTo(program);
  return lists
    .filter((list) => !isAtLeast(newest, plainVersion(list)))
    .map((list) => ({
      ...{ id: "version-runtime", level: "error" },
      finding: `Network "${list.name}" is of version ${plainVersion(list)}, but ${name} knows none after ${newest}`,
      advice: `Write "cniVersion": "${newest}" into the list`,
    }));
}

function byPlugins(runtime: Runtime, list: NetworkList): readonly Finding[] {
  const version = plainVersion(list);
  return typesOf(list).flatMap((type): readonly Finding[] => {
    const paths = runtime.pluginDirs.map((directory) => `${directory}/${type}`);
    const path = paths.find((each) => findProgram(each));
    const newest = path === undefined ? newestVersion : newestKnownTo(path);
    if (path === undefined || isAtLeast(newest, version)) return [];
    return [
      {
        ...{ id: "version-plugin", level: "error" },
        finding: `Network "${list.name}" is of version ${version}, but ${path} knows none after ${newest}`,
        advice: `Replace the plugin by a newer one, or write "cniVersion": "${newest}" into the list`,
      },
    ];
  });
}

function newestKnownTo(path: string): string {
  const module = findProgram(path)?.cniModule;
  return module === undefined ? newestVersion : newestOf(module);
}
