/** The hardware address that a container's link is asked to have. */

import type { CniArgs } from "../cni/args.ts";
import { configError } from "../cni/error.ts";
import type { JsonObject } from "../cni/json.ts";
import { givenAt } from "../cni/netconf.ts";
import { isMulticastMac, type Mac, parseMac } from "../ip/mac.ts";

/** The part of a configuration that says it. */
export interface MacConfig {
  /** Of runtimeConfig.mac and args.cni.mac the first that is given. */
  readonly mac: string | undefined;
  /** Of a plugin with a key `mac`: its value, which counts where the runtime asks for none. */
  readonly usualMac?: string | undefined;
}

/** What a configuration says of it. */
export function macAt(json: JsonObject): string | undefined {
  return givenAt(json, "runtimeConfig", "mac") ?? givenAt(json, "args", "cni", "mac");
}

/** The container's hardware address: runtimeConfig, args.cni, CNI_ARGS, else the plugin's own. */
export function containerMac(config: MacConfig, args: CniArgs): Mac | undefined {
  const text = config.mac || args.MAC || config.usualMac;
  if (!text) return undefined;
  const mac = parseMac(text);
  if (!mac || isMulticastMac(mac)) {
    throw configError("mac", 'a hardware address such as "02:1a:2b:3c:4d:5e"', text);
  }
  return mac;
}
