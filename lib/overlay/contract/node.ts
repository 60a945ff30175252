/**
 * node.json: what a host is told of itself, where its configuration does not say.
 *
 *   { "subnet": ["10.244.1.0/24"], "publicIP": "198.51.100.1", "vtepMAC": "02:00:00:00:00:01" }
 *
 * Each value is checked when it is asked for: what nobody needs may be wrong.
 */

import type { IpAddress } from "../../ip/address.ts";
import type { Cidr } from "../../ip/cidr.ts";
import type { Mac } from "../../ip/mac.ts";
import { ContractError } from "./error.ts";
import { type HostRecord, hostToJson, isObject, type JsonObject } from "./host.ts";
import { keysOfEnd, parsePublicIP, parseSubnets, parseVtepMac, requireWithin } from "./values.ts";

/** The content of a node file, and its name for messages. */
export interface NodeFile {
  readonly name: string;
  readonly json: JsonObject;
}

/** The content of the file at `path`, undefined if there is none; throws ContractError. */
export function openNodeFile(json: unknown, path: string): NodeFile {
  const name = `"${path}"`;
  if (json === undefined) return { name, json: {} };
  if (isObject(json)) return { name, json };
  throw new ContractError(name, "it must be an object");
}

/** This host's part of the network; none if the file does not say. */
export function nodeSubnets({ name, json }: NodeFile, networks: readonly Cidr[]): readonly Cidr[] {
  const path = `${name} subnet`;
  const subnets = parseSubnets(json.subnet, path);
  if (subnets.length > 0) requireWithin(networks, subnets, path);
  return subnets;
}

/** The address under which others reach this host's end of this number. */
export function nodePublicIP({ name, json }: NodeFile, end: number): IpAddress | undefined {
  const { publicIP: key } = keysOfEnd(end);
  return parsePublicIP(json[key], `${name} ${key}`);
}

/** The hardware address of this host's device, as the others are told it. */
export function nodeMac({ name, json }: NodeFile, end: number): Mac | undefined {
  const { vtepMAC: key } = keysOfEnd(end);
  return parseVtepMac(json[key], `${name} ${key}`);
}

/** The text of a node file. */
export function formatNodeFile(host: HostRecord): string {
  return JSON.stringify(hostToJson(host));
}
