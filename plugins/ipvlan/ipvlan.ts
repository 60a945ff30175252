/**
 * ipvlan: a link of the container with the hardware address of a link of the host, told from others
 * by its addresses.
 *
 *   network                  host                        container
 *   router, other hosts ---- master  <--- ipvlan ------  eth0   address/prefix
 *                               |                               routes as IPAM says
 *                               +-------- ipvlan ------  other containers
 *
 * By mode l2 the container is on the master's network; by l3 and l3s the host routes for it, and
 * broadcasts do not reach it. A plugin before this one may have made the master, and found the
 * addresses: then these are the container's. Nothing is made on the host.
 */

import { addAbove, checkAbove, deleteAbove, requireAbove } from "../../lib/attach/above.ts";
import { requireMaster } from "../../lib/attach/master.ts";
import type { AddCall, CheckCall, DelCall, GcCall, StatusCall } from "../../lib/cni/call.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import * as ipam from "../../lib/cni/ipam.ts";
import type { Result } from "../../lib/cni/result.ts";
import { interfacePlugin } from "../../lib/cni/run.ts";
import { confirm } from "../../lib/cni/verdict.ts";
import { passedOn } from "../../lib/cni/whose.ts";
import { ipvlan, modeFault } from "../../lib/net/above.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { type IpvlanConfig, parseIpvlanConfig } from "./config.ts";
import * as schema from "./ipvlan.schema.json";

const KIND = "ipvlan";

function add(call: AddCall<IpvlanConfig>, host: Netns, container: Netns): Result {
  const { config, prevResult } = call;
  const sides = { host, container };
  const kind = ipvlan(config.mode);
  const master = config.master ?? (prevResult && chainedMaster(prevResult));
  const parent = requireMaster({ ...config, master }, sides, KIND);
  if (ipam.hasIpam(call) || !prevResult?.ips?.length)
    return addAbove(call, sides, { kind, parent });
  const { ips, routes = [], ...before } = passedOn(prevResult);
  const lease = ipam.toLease({ ips, routes });
  return addAbove({ ...call, prevResult: before }, sides, { kind, parent, lease });
}

/** The one link that the plugins before have made. */
function chainedMaster(result: Result): string {
  const names = passedOn(result).interfaces.flatMap(({ name }) => (name === "" ? [] : [name]));
  const [name] = names;
  if (name !== undefined && names.length === 1) return name;
  const state = `prevResult has ${names.length} links with a name instead of one: name one as "master"`;
  throw new CniError(Code.config, `Cannot choose a master: ${state}`);
}

function check(call: CheckCall<IpvlanConfig>, host: Netns, container: Netns): void {
  confirm(call, modeFault(checkAbove(call, { host, container }, KIND), call.config.mode));
}

function del(call: DelCall<IpvlanConfig>, _host: Netns, container: Netns | undefined): void {
  deleteAbove(call, container, KIND);
}

/** The links go with their containers, so only addresses can be left. */
function gc(call: GcCall<IpvlanConfig>): void {
  ipam.collectLeases(call);
}

/** A master without a name may be that of a plugin before, whose result STATUS does not have. */
function status(call: StatusCall<IpvlanConfig>, host: Netns): void {
  const { master, linkInContainer } = call.config;
  requireAbove(call, host, { kind: KIND, isMasterKnown: master !== undefined && !linkInContainer });
}

export const { main, handle, configuration } = interfacePlugin<IpvlanConfig>({
  name: "ipvlan",
  reference: "1.9.1",
  schema,
  parseConfig: parseIpvlanConfig,
  add,
  check,
  del,
  gc,
  status,
});
