/** Who gives addresses in a network, and where host-local keeps what it gave. */

import { memberOf } from "../../lib/cni/config.ts";
import { isObject, type JsonObject } from "../../lib/cni/json.ts";
import { overlaySubnets } from "../../lib/inventory/overlay-files.ts";
import type { NetworkList } from "../list-file.ts";

/** The configuration of each address manager of a list, as the plugin that asks it has it. */
export function addressManagers({ name, plugins }: NetworkList): readonly JsonObject[] {
  return plugins.flatMap((plugin) => {
    const ipam = isObject(plugin.ipam) ? plugin.ipam : undefined;
    const isOverlay = memberOf(plugin, "type") === "vxlan-overlay";
    const whole = isOverlay ? managerOfOverlay(name, plugin, ipam) : ipam;
    return whole?.type === undefined ? [] : [whole];
  });
}

/** host-local with the host's part of the network, unless it says otherwise. */
function managerOfOverlay(
  name: string,
  plugin: JsonObject,
  ipam: JsonObject | undefined,
): JsonObject {
  const ranges = overlaySubnets(name, plugin).map((subnet) => [{ subnet }]);
  const isGiven = ipam?.ranges !== undefined || ipam?.subnet !== undefined;
  return { type: "host-local", ...(isGiven ? {} : { ranges }), ...ipam };
}

/** The directory of what host-local gave; undefined for another manager. */
export function leaseDirectory({ type, dataDir }: JsonObject): string | undefined {
  if (type !== "host-local") return undefined;
  return typeof dataDir === "string" && dataDir !== "" ? dataDir : "/var/lib/cni/networks";
}
