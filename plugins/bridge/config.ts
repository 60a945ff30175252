/** The bridge plugin's configuration: from JSON the schema accepts to what the plugin works with. */

import { type MacConfig, macAt } from "../../lib/attach/mac.ts";
import { type MasqueradeConfig, masqueradeAt } from "../../lib/attach/masquerade.ts";
import type { Defaults } from "../../lib/cni/defaults.ts";
import { CniError, Code, configError } from "../../lib/cni/error.ts";
import { isObject, type Json, type JsonObject } from "../../lib/cni/json.ts";
import {
  flagAt,
  listAt,
  type NetConf,
  numberAt,
  parseNetConf,
  textAt,
} from "../../lib/cni/netconf.ts";
import type { SpoofCheck } from "../../lib/filter/spoofcheck.ts";
import { linkNameFault } from "../../lib/net/link-name.ts";

export interface BridgeConfig extends NetConf, MacConfig, MasqueradeConfig {
  readonly bridge: string;
  readonly isGateway: boolean;
  readonly isDefaultGateway: boolean;
  readonly forceAddress: boolean;
  readonly mtu: number;
  readonly hairpin: boolean;
  readonly promiscuous: boolean;
  readonly vlan: VlanConfig | undefined;
  /** How much of a frame is checked for a hardware address that is not the container's. */
  readonly macSpoofCheck: SpoofCheck | undefined;
  readonly detectDuplicates: boolean;
  readonly leaveDown: boolean;
  readonly isolated: boolean;
}

/** What the container's port belongs to: an access VLAN (0 for none) and tagged ones. */
export interface VlanConfig {
  readonly access: number;
  readonly trunk: readonly number[];
  readonly preserveDefault: boolean;
}

/** The configuration; `strict` refuses what cannot go together. */
export function parseBridgeConfig(
  json: JsonObject,
  strict: boolean,
  defaults: Defaults,
): BridgeConfig {
  const config: BridgeConfig = {
    ...parseNetConf(json),
    ...masqueradeAt(json, defaults),
    bridge: textAt(json, "bridge") ?? "cni0",
    isGateway: flagAt(json, "isGateway") || flagAt(json, "isDefaultGateway"),
    isDefaultGateway: flagAt(json, "isDefaultGateway"),
    forceAddress: flagAt(json, "forceAddress"),
    mtu: numberAt(json, "mtu") ?? 0,
    hairpin: flagAt(json, "hairpinMode"),
    promiscuous: flagAt(json, "promiscMode"),
    vlan: strict ? parseVlan(json) : undefined,
    macSpoofCheck: spoofCheckAt(json),
    detectDuplicates: flagAt(json, "enabledad"),
    leaveDown: flagAt(json, "disableContainerInterface"),
    isolated: flagAt(json, "portIsolation"),
    mac: macAt(json),
  };
  if (strict) requireConsistent(config);
  return config;
}

/** DEL and GC are content with any value: they take away whatever check there is. */
function spoofCheckAt(json: JsonObject): SpoofCheck | undefined {
  if (textAt(json, "macspoofchk") === "strict") return "strict";
  return flagAt(json, "macspoofchk") ? "source" : undefined;
}

function requireConsistent(config: BridgeConfig): void {
  const unusable = (state: string) =>
    new CniError(Code.config, `Cannot use this configuration: ${state}`);
  if (config.hairpin && config.promiscuous) {
    throw unusable("cannot set hairpin mode and promiscuous mode at the same time");
  }
  if (config.leaveDown && config.ipamType !== "") {
    throw unusable("cannot use IPAM when DisableContainerInterface flag is set");
  }
  if (!isBridgeName(config.bridge)) {
    throw configError("bridge", "an interface name of 1 to 15 bytes", config.bridge);
  }
}

/** A bridge's name is in rules of the packet filter, so it is plain ASCII. */
function isBridgeName(name: string): boolean {
  return linkNameFault(name) === undefined && !/[^!-~]/.test(name);
}

/** VLANs are asked for if `vlan` is not 0, or `vlanTrunk` is there at all. */
function parseVlan(json: JsonObject): VlanConfig | undefined {
  const access = numberAt(json, "vlan") ?? 0;
  const trunk = new Set(listAt(json, "vlanTrunk").flatMap(trunkVlans));
  if (access === 0 && json.vlanTrunk === undefined) return undefined;
  return {
    access,
    trunk: [...trunk].sort((a, b) => a - b),
    preserveDefault: flagAt(json, "preserveDefaultVlan"),
  };
}

function trunkVlans(entry: Json, i: number): number[] {
  const path = `vlanTrunk[${i}]`;
  if (!isObject(entry)) throw configError(path, "an object", entry);
  const [id, min, max] = ["id", "minID", "maxID"].map((key) => numberAt(entry, key));
  if ((min === undefined) !== (max === undefined)) {
    throw configError(path, "an object in which minID and maxID come together", entry);
  }
  if (min !== undefined && max !== undefined && min > max) {
    throw configError(path, "a range whose minID is not greater than its maxID", entry);
  }
  const range =
    min === undefined || max === undefined
      ? []
      : Array.from({ length: max - min + 1 }, (_, n) => min + n);
  return id === undefined ? range : [...range, id];
}
