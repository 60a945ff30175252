/**
 * host-device: a network device of the host that a container has to itself.
 *
 *   host                                   container
 *   dev0   ─── moved, renamed ────────>    eth0   address/prefix, routes as IPAM says
 *          <── its name, its state ────           alias: whose it is, and how it was on the host
 *
 * Nothing else is kept of it: the alias goes wherever the device goes, and so DEL, GC and the next
 * ADD know a device that the kernel brought home when the container's namespace vanished.
 *
 *   a device that a program drives by itself (DPDK): the kernel has no link; addresses only
 */

import {
  downFault,
  leaseFault,
  reportFault,
  requireInside,
  requireResult,
} from "../../lib/attach/check.ts";
import { requireFreeName } from "../../lib/attach/existing.ts";
import { applyLease, removalSteps, takeLease } from "../../lib/attach/lease.ts";
import { report } from "../../lib/attach/report.ts";
import type { AddCall, CheckCall, DelCall, GcCall, StatusCall } from "../../lib/cni/call.ts";
import { collectEach } from "../../lib/cni/collect.ts";
import * as ipam from "../../lib/cni/ipam.ts";
import type { Result } from "../../lib/cni/result.ts";
import { interfacePlugin } from "../../lib/cni/run.ts";
import { allOrNothing, asMuchAsPossible } from "../../lib/cni/undo.ts";
import { confirm } from "../../lib/cni/verdict.ts";
import { listToKeep, movedShelf } from "../../lib/net/moved.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { type HostDeviceConfig, parseHostDeviceConfig, requireSelection } from "./config.ts";
import { bringDeviceHome, strangerFault } from "./home.ts";
import * as schema from "./host-device.schema.json";
import { requireMovable } from "./movable.ts";
import { moveIn } from "./move.ts";
import { findDevice, locate, type Place } from "./select.ts";

function add(call: AddCall<HostDeviceConfig>, host: Netns, container: Netns): Result {
  const { config } = call;
  requireSelection(config);
  const plugin = ipam.findIpam(call);
  const place = locate(config);
  if (place.isDpdk) return account(call, plugin, place);
  requireFreeName(call, container);
  const device = findDevice(config, place, host);
  requireMovable(host, device.link, config.allowUplink);
  const way = { host, container, device, kept: listToKeep(host, device) };
  return allOrNothing((undo) => {
    const lease = plugin && takeLease(call, plugin, undo);
    const inside = moveIn(call, way, undo);
    applyLease(container, inside, { lease });
    const { pciID } = place;
    return report(call, { outside: [], inside: { ...inside, pciID } }, lease);
  });
}

/** Of a device that a program drives: its addresses, which the program has to give it. */
function account(
  call: AddCall<HostDeviceConfig>,
  plugin: ipam.PluginFile | undefined,
  { pciID }: Place,
): Result {
  return allOrNothing((undo) => {
    const lease = plugin && takeLease(call, plugin, undo);
    const inside = { name: call.attachment.ifName, pciID };
    return report(call, { outside: [], inside }, lease);
  });
}

function check(call: CheckCall<HostDeviceConfig>, _host: Netns, container: Netns): void {
  requireResult(call);
  if (locate(call.config).isDpdk) return;
  const inside = requireInside(call, container);
  const fault =
    strangerFault(call, inside) ??
    reportFault(call, inside) ??
    downFault(inside) ??
    leaseFault(call, container, inside);
  confirm(call, fault);
}

function del(call: DelCall<HostDeviceConfig>, host: Netns, container: Netns | undefined): void {
  asMuchAsPossible(
    ...removalSteps(call, ["bring the device home", () => bringDeviceHome(call, host, container)]),
  );
}

/** Devices go home with DEL; those that the kernel brought home get their names back. */
function gc(call: GcCall<HostDeviceConfig>, host: Netns): void {
  const what = ({ link }: { readonly link: { readonly name: string } }) => `restore "${link.name}"`;
  asMuchAsPossible(
    ["collect devices", () => collectEach(movedShelf(host), call, what)],
    ["collect addresses", () => ipam.collectLeases(call)],
  );
}

/** A link that is not there may be in a container; a device that is on no bus is nowhere. */
function status(call: StatusCall<HostDeviceConfig>): void {
  locate(call.config);
  ipam.checkIpamStatus(call);
}

export const { main, handle, configuration } = interfacePlugin<HostDeviceConfig>({
  name: "host-device",
  reference: "1.9.1",
  schema,
  parseConfig: parseHostDeviceConfig,
  add,
  check,
  del,
  gc,
  status,
});
