/** What a runtime would load of its directory of networks, and the plugins that this needs. */

import { memberOf } from "../../lib/cni/config.ts";
import { isObject, type JsonObject } from "../../lib/cni/json.ts";
import { type FoundList, type NetworkList, readAllLists } from "../list-file.ts";
import type { Runtime } from "./runtime.ts";

/** The files that a runtime takes: all, that of a name, or the first one, usable or not. */
export function filesOf({ networkDir, network, takesAll }: Runtime): readonly FoundList[] {
  const all = readAllLists(networkDir);
  if (takesAll) return all;
  if (network !== undefined) return all.filter(({ list }) => list?.name === network).slice(0, 1);
  return all.slice(0, 1);
}

/** Those of the files that say a network. */
export function listsOf(runtime: Runtime): readonly NetworkList[] {
  return filesOf(runtime).flatMap(({ list }) => list ?? []);
}

/** The types of all plugins of a list, with those that they delegate to, each once. */
export function typesOf({ plugins }: NetworkList): readonly string[] {
  const types = plugins.flatMap((plugin) => [typeOf(plugin), ...delegatesOf(plugin)]);
  return [...new Set(types.filter((type) => type !== ""))];
}

function delegatesOf(plugin: JsonObject): readonly string[] {
  const { ipam, delegate } = plugin;
  const own = [ipam, delegate].flatMap((each) => (isObject(each) ? [typeOf(each)] : []));
  if (typeOf(plugin) !== "flannel") return own;
  return [
    ...own,
    ...(isObject(delegate) && typeOf(delegate) !== "" ? [] : ["bridge"]),
    "host-local",
  ];
}

/** The `type` of a plugin or an address manager; "" if it says none. */
export function typeOf(plugin: JsonObject): string {
  const type = memberOf(plugin, "type");
  return typeof type === "string" ? type : "";
}

/** Texts in quotation marks, as a sentence has them. */
export function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ");
}
