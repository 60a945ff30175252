/**
 * macvlan: a link of the container with a hardware address of its own on a link of the host.
 *
 *   network                  host                         container
 *   router, other hosts ---- master  <--- macvlan ------  eth0   address/prefix
 *                               |                                routes as IPAM says
 *                               +-------- macvlan ------  other containers, as the mode allows
 *
 * Containers are hosts of the master's network. The kernel lets the master's own host and what is
 * above the master not reach each other. Nothing is made on the host.
 */

import { addAbove, checkAbove, deleteAbove, requireAbove } from "../../lib/attach/above.ts";
import { containerMac } from "../../lib/attach/mac.ts";
import { requireMaster } from "../../lib/attach/master.ts";
import type { AddCall, CheckCall, DelCall, GcCall, StatusCall } from "../../lib/cni/call.ts";
import { configError } from "../../lib/cni/error.ts";
import * as ipam from "../../lib/cni/ipam.ts";
import type { Result } from "../../lib/cni/result.ts";
import { interfacePlugin } from "../../lib/cni/run.ts";
import { confirm } from "../../lib/cni/verdict.ts";
import { formatMac } from "../../lib/ip/mac.ts";
import { macvlan, modeFault } from "../../lib/net/above.ts";
import type { Link } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { type MacvlanConfig, parseMacvlanConfig } from "./config.ts";
import * as schema from "./macvlan.schema.json";

const KIND = "macvlan";

function add(call: AddCall<MacvlanConfig>, host: Netns, container: Netns): Result {
  const { config, args } = call;
  const mac = containerMac(config, args);
  const parent = requireMaster(config, { host, container }, KIND);
  const macs = config.mode === "passthru" ? { laterMac: mac } : { mac };
  if (macs.mac) requireOther(parent, macs.mac);
  const kind = macvlan(config.mode, config.broadcastQueueLength);
  return addAbove(call, { host, container }, { kind, parent, ...macs });
}

/** A link with its master's address could never be up; in passthru mode it has no other. */
function requireOther(master: Link, mac: Link["mac"]): void {
  const text = formatMac(mac);
  if (text !== formatMac(master.mac)) return;
  throw configError("mac", `another address than that of master "${master.name}"`, text);
}

function check(call: CheckCall<MacvlanConfig>, host: Netns, container: Netns): void {
  confirm(call, modeFault(checkAbove(call, { host, container }, KIND), call.config.mode));
}

function del(call: DelCall<MacvlanConfig>, _host: Netns, container: Netns | undefined): void {
  deleteAbove(call, container, KIND);
}

/** The links go with their containers, so only addresses can be left. */
function gc(call: GcCall<MacvlanConfig>): void {
  ipam.collectLeases(call);
}

function status(call: StatusCall<MacvlanConfig>, host: Netns): void {
  requireAbove(call, host, { kind: KIND, isMasterKnown: !call.config.linkInContainer });
}

export const { main, handle, configuration } = interfacePlugin<MacvlanConfig>({
  name: "macvlan",
  reference: "1.9.1",
  schema,
  args: ["MAC"],
  parseConfig: parseMacvlanConfig,
  add,
  check,
  del,
  gc,
  status,
});
