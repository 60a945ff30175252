/** The configuration of vxlan-overlay: from JSON the schema accepts to what the plugin works with. */

import { type MasqueradeConfig, masqueradeAt } from "../../lib/attach/masquerade.ts";
import type { Defaults } from "../../lib/cni/defaults.ts";
import { brief, CniError, Code, configError } from "../../lib/cni/error.ts";
import type { Json, JsonObject } from "../../lib/cni/json.ts";
import { flagAt, listAt, numberAt, textAt } from "../../lib/cni/netconf.ts";
import { type Family, family, formatAddress, type IpAddress } from "../../lib/ip/address.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import { linkNameFault } from "../../lib/net/link-name.ts";
import { ContractError, ValueError } from "../../lib/overlay/contract/error.ts";
import {
  DEFAULT_PORT,
  DEFAULT_VNI,
  nodeFilePath,
  peersFilePath,
} from "../../lib/overlay/contract/network.ts";
import { parsePublicIP, parseSubnets, requireWithin } from "../../lib/overlay/contract/values.ts";

export interface OverlayConfig extends MasqueradeConfig {
  /** The configuration itself: what the bridge plugin gets is made from it. */
  readonly json: JsonObject;
  readonly name: string;
  readonly networks: readonly Cidr[];
  /** Empty if the node file is to say. */
  readonly subnets: readonly Cidr[];
  readonly vni: number;
  readonly port: number;
  readonly device: string;
  /** The second device, for IPv6 in IPv6; undefined: the first one carries all. */
  readonly deviceV6: string | undefined;
  readonly bridge: string;
  readonly uplink: string | undefined;
  readonly publicIP: IpAddress | undefined;
  readonly publicIPv6: IpAddress | undefined;
  /** Undefined: as the uplink allows. */
  readonly mtu: number | undefined;
  readonly checksum: boolean | undefined;
  readonly directRouting: boolean;
  readonly peers: readonly Json[];
  readonly peersFile: string;
  readonly nodeFile: string;
}

/** The configuration; `strict` refuses what cannot go together. */
export function parseOverlayConfig(
  json: JsonObject,
  strict: boolean,
  defaults: Defaults,
): OverlayConfig {
  const name = textAt(json, "name") ?? "";
  const vni = numberAt(json, "vni") ?? DEFAULT_VNI;
  const read = strict ? readOrRefuse : readIfRight;
  const config: OverlayConfig = {
    json,
    name,
    networks: read(() => parseSubnets(json.network, "network")) ?? [],
    subnets: read(() => parseSubnets(json.subnet, "subnet")) ?? [],
    vni,
    port: numberAt(json, "port") ?? DEFAULT_PORT,
    device: textAt(json, "device") ?? `weft.${vni}`,
    deviceV6: textAt(json, "deviceV6"),
    bridge: textAt(json, "bridge") ?? "cni0",
    uplink: textAt(json, "uplink"),
    publicIP: read(() => parsePublicIP(json.publicIP, "publicIP")),
    publicIPv6: read(() => parsePublicIP(json.publicIPv6, "publicIPv6")),
    mtu: strict ? parseMtu(json.mtu) : undefined,
    checksum: strict ? parseChecksum(json.txChecksum) : undefined,
    ...masqueradeAt(json, defaults),
    directRouting: flagAt(json, "directRouting"),
    peers: listAt(json, "peers"),
    peersFile: textAt(json, "peersFile") ?? peersFilePath(name),
    nodeFile: textAt(json, "nodeFile") ?? nodeFilePath(name),
  };
  if (strict) requireConsistent(config);
  return config;
}

/** What `body` reads; throws CniError, code 7, if it cannot be used. */
export function readOrRefuse<T>(body: () => T): T {
  try {
    return body();
  } catch (cause) {
    throw cause instanceof ContractError ? asConfigError(cause) : cause;
  }
}

/** What `body` reads; undefined if it cannot be used. */
function readIfRight<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch {
    return undefined;
  }
}

/** Something that is written and cannot be used, as the runtime is told of it. */
export function asConfigError(cause: ContractError): CniError {
  const { path, message, found } = cause;
  if (cause instanceof ValueError) return configError(path, cause.expected, found);
  return new CniError(
    Code.config,
    found === undefined ? message : `${message}, got ${brief(found)}`,
  );
}

function requireConsistent(config: OverlayConfig): void {
  const { networks, subnets, json, device, deviceV6, publicIP, publicIPv6 } = config;
  if (networks.length === 0) throw configError("network", "a subnet", json.network);
  if (subnets.length > 0) readOrRefuse(() => requireWithin(networks, subnets, "subnet"));
  requireLinkName("device", device);
  if (deviceV6 === undefined) return;
  requireLinkName("deviceV6", deviceV6);
  if (deviceV6 === device) throw configError("deviceV6", "another link than device", deviceV6);
  if (networks.length < 2) {
    throw configError("network", "of both families where deviceV6 is given", json.network);
  }
  if (publicIP) requireFamily(publicIP, 4, "publicIP");
  if (publicIPv6) requireFamily(publicIPv6, 6, "publicIPv6");
}

function requireLinkName(path: string, name: string): void {
  if (linkNameFault(name) === undefined) return;
  throw configError(path, "the name of a link", name);
}

/** With two devices each has its family: throws CniError, code 7, if an address is of the other. */
export function requireFamily(address: IpAddress, wanted: Family, path: string): void {
  if (family(address) === wanted) return;
  const expected = `an IPv${wanted} address where deviceV6 is given`;
  throw configError(path, expected, formatAddress(address));
}

function parseMtu(value: Json | undefined): number | undefined {
  if (value === undefined || value === "auto") return undefined;
  if (typeof value === "number") return value;
  throw configError("mtu", 'a number or "auto"', value);
}

function parseChecksum(value: Json | undefined): boolean | undefined {
  if (value === undefined || value === "auto") return undefined;
  if (typeof value === "boolean") return value;
  throw configError("txChecksum", 'true, false or "auto"', value);
}
