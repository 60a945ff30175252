/** A whole list of plugins, where the configuration of one plugin belongs. */

import { warn } from "../host/warn.ts";
import { memberOf } from "./config.ts";
import { brief, CniError, Code } from "./error.ts";
import { isObject, type JsonObject } from "./json.ts";

/** The part of a list that is one plugin's, with what the list gives it; undefined if there is none. */
export function pluginIn(list: JsonObject, type: string): JsonObject | undefined {
  const plugins: readonly unknown[] = Array.isArray(list.plugins) ? list.plugins : [];
  const own = plugins.find(
    (plugin): plugin is JsonObject => isObject(plugin) && plugin.type === type,
  );
  const head = { name: memberOf(list, "name"), cniVersion: memberOf(list, "cniVersion") };
  return own && { ...own, ...head };
}

/**
 * The configuration of one plugin. A list is refused; but DEL, which is called until it succeeds,
 * takes the plugin's own part of it: with the keys of the list alone it would leave things behind.
 */
export function ofOnePlugin(config: JsonObject, type: string, command: string): JsonObject {
  if (!Array.isArray(config.plugins)) return config;
  const types = config.plugins.map((plugin: unknown) => (isObject(plugin) ? plugin.type : plugin));
  const what = `it is a list of plugins ("plugins": ${brief(types)})`;
  if (command !== "DEL") {
    const advice = `give the configuration of one, with the list's name and cniVersion`;
    throw new CniError(Code.config, `Cannot use this configuration: ${what}; ${advice}`);
  }
  const own = pluginIn(config, type);
  const taken = own ? `its part for "${type}"` : "what bears the attachment's name";
  warn(`Cannot use all of this configuration: ${what}; DEL goes by ${taken}`);
  return own ?? config;
}
