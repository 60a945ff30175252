/** The configuration of flannel, and that of its delegate. */

import { isPlainName } from "../../lib/cni/environment.ts";
import { configError } from "../../lib/cni/error.ts";
import type { Json, JsonObject } from "../../lib/cni/json.ts";
import { listAt, textAt, valueAt } from "../../lib/cni/netconf.ts";
import { formatCidr } from "../../lib/ip/cidr.ts";
import type { SubnetEnv } from "./subnet-env.ts";

export interface FlannelConfig {
  readonly name: string;
  readonly subnetFile: string;
  readonly dataDir: string;
  /** What the user says of the delegate, without what is not his to say. */
  readonly delegate: JsonObject;
  readonly ipam: JsonObject;
  readonly runtimeConfig: Json | undefined;
}

/** The configuration; `strict` refuses what the delegate could not be made from. */
export function parseFlannelConfig(json: JsonObject, strict: boolean): FlannelConfig {
  const delegate = (json.delegate ?? {}) as JsonObject;
  const ipam = (json.ipam ?? {}) as JsonObject;
  if (strict) requireDelegate(delegate, ipam);
  return {
    name: textAt(json, "name") ?? "",
    subnetFile: textAt(json, "subnetFile") || "/run/flannel/subnet.env",
    dataDir: textAt(json, "dataDir") || "/var/lib/cni/flannel",
    delegate: Object.fromEntries(Object.entries(delegate).filter(([key]) => !isForbidden(key))),
    ipam,
    runtimeConfig: json.runtimeConfig,
  };
}

/** These two are made here, whatever their case. */
function isForbidden(key: string): boolean {
  return /^(name|ipam)$/i.test(key);
}

function requireDelegate(delegate: JsonObject, ipam: JsonObject): void {
  const key = Object.keys(delegate).find(isForbidden);
  if (key !== undefined) {
    throw configError(`delegate.${key}`, "absent: it is set by flannel", delegate[key]);
  }
  const { type = "bridge" } = delegate;
  if (!isOther(type)) throw configError("delegate.type", OTHER, type);
  if (!isOther(ipam.type ?? "host-local")) throw configError("ipam.type", OTHER, ipam.type);
  if (ipam.routes !== undefined && !Array.isArray(ipam.routes)) {
    throw configError("ipam.routes", "a list", ipam.routes);
  }
}

const OTHER = "the plain name of another plugin";

/** Flannel for a delegate would have one itself, and so on. */
function isOther(type: unknown): boolean {
  return typeof type === "string" && type !== "flannel" && isPlainName(type);
}

/**
 * The delegate's configuration, as the reference plugin makes it. Without the daemon's word it
 * still serves to take back what there may be: with masquerade, and of whatever addresses.
 */
export function delegateConfig(config: FlannelConfig, env: SubnetEnv | undefined): JsonObject {
  const { delegate, name, runtimeConfig } = config;
  const type = textAt(delegate, "type") ?? "bridge";
  return {
    ...(type === "bridge" ? { isGateway: true } : {}),
    ipMasq: env?.ipMasq !== true,
    ...(env ? { mtu: env.mtu } : {}),
    ...delegate,
    name,
    type,
    ipam: ipamConfig(config, env),
    ...(runtimeConfig === undefined ? {} : { runtimeConfig }),
  };
}

function ipamConfig({ ipam }: FlannelConfig, env: SubnetEnv | undefined): JsonObject {
  const { ranges: _ranges, ...rest } = ipam;
  if (!env) return { type: "host-local", ...rest };
  const routes = listAt(ipam, "routes");
  const known = routes.map((route) => valueAt(route as JsonObject, "dst"));
  const networks = [...new Set<Json>(env.networks.map(formatCidr))];
  return {
    type: "host-local",
    ...rest,
    ranges: env.subnets.map((subnet) => [{ subnet: formatCidr(subnet) }]),
    routes: [...routes, ...networks.filter((dst) => !known.includes(dst)).map((dst) => ({ dst }))],
  };
}

/** Whom a configuration is for; a record that was written to by others may name anything. */
export function delegateOf({ type }: JsonObject): string {
  if (isOther(type)) return String(type);
  throw configError("delegate.type", OTHER, type);
}
