/**
 * vlan: a link of the container that has one VLAN (802.1Q) of a link of the host.
 *
 *   network                 host                      container
 *   tagged frames  -------- master  <--- VLAN 5 ----  eth0   address/prefix
 *                              |                             routes as IPAM says
 *                              +-------- VLAN 6 ----  another container
 *
 * The link sends its frames with the tag, and gets those that have it, without. It has its master's
 * hardware address, and a VLAN of a master one link alone. Nothing is made on the host.
 */

import { addAbove, checkAbove, deleteAbove, requireAbove } from "../../lib/attach/above.ts";
import { requireMaster } from "../../lib/attach/master.ts";
import type { AddCall, CheckCall, DelCall, GcCall, StatusCall } from "../../lib/cni/call.ts";
import * as ipam from "../../lib/cni/ipam.ts";
import type { Result } from "../../lib/cni/result.ts";
import { interfacePlugin } from "../../lib/cni/run.ts";
import { confirm } from "../../lib/cni/verdict.ts";
import { vlan } from "../../lib/net/above.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { parseVlanConfig, type VlanConfig } from "./config.ts";
import * as schema from "./vlan.schema.json";

const KIND = "vlan";

function add(call: AddCall<VlanConfig>, host: Netns, container: Netns): Result {
  const { config } = call;
  const parent = requireMaster(config, { host, container }, KIND);
  return addAbove(call, { host, container }, { kind: vlan(config.id), parent });
}

function check(call: CheckCall<VlanConfig>, host: Netns, container: Netns): void {
  const { vlanId } = checkAbove(call, { host, container }, KIND);
  const { id } = call.config;
  confirm(call, vlanId === id ? undefined : `it should have VLAN ${id}, found ${vlanId}`);
}

function del(call: DelCall<VlanConfig>, _host: Netns, container: Netns | undefined): void {
  deleteAbove(call, container, KIND);
}

/** The links go with their containers, so only addresses can be left. */
function gc(call: GcCall<VlanConfig>): void {
  ipam.collectLeases(call);
}

function status(call: StatusCall<VlanConfig>, host: Netns): void {
  requireAbove(call, host, { kind: KIND, isMasterKnown: !call.config.linkInContainer });
}

export const { main, handle, configuration } = interfacePlugin<VlanConfig>({
  name: "vlan",
  reference: "1.9.1",
  schema,
  parseConfig: parseVlanConfig,
  add,
  check,
  del,
  gc,
  status,
});
