/**
 * tap: a device of the container for a virtual machine that runs there.
 *
 *   container
 *   virtual machine  <-- /dev/net/tun -->  eth0  a tap, with address/prefix if there is an ipam
 *                                           |
 *                                          br0   a bridge that is there already, if one is named
 *
 * The tap is persistent: it is there before the machine attaches to it, and after. Nothing is made
 * on the host: it goes with the container.
 */

import { checkInside } from "../../lib/attach/check.ts";
import { requireFreeName } from "../../lib/attach/existing.ts";
import { applyLease, takeLease } from "../../lib/attach/lease.ts";
import { removeLink } from "../../lib/attach/link.ts";
import { containerMac } from "../../lib/attach/mac.ts";
import { report } from "../../lib/attach/report.ts";
import type { AddCall, CheckCall, DelCall, GcCall, StatusCall } from "../../lib/cni/call.ts";
import { CniError } from "../../lib/cni/error.ts";
import * as ipam from "../../lib/cni/ipam.ts";
import type { Result } from "../../lib/cni/result.ts";
import { interfacePlugin } from "../../lib/cni/run.ts";
import { allOrNothing, asMuchAsPossible, type Undo } from "../../lib/cni/undo.ts";
import { confirm, requireReady } from "../../lib/cni/verdict.ts";
import { getBridge } from "../../lib/net/bridge.ts";
import { deleteLinkIf, findLink, type Link, type LinkState } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { isAliasOf, ownerAlias } from "../../lib/net/owner.ts";
import { heedNoRoutersLater } from "../../lib/net/routers.ts";
import { addTap, findTapDifference, findTapFault, type NewTap } from "../../lib/net/tap.ts";
import { parseTapConfig, type TapConfig } from "./config.ts";
import * as schema from "./tap.schema.json";

/** The kernel's word for taps, and for tun devices, which carry packets instead of frames. */
const KIND = "tun";

function add(call: AddCall<TapConfig>, _host: Netns, container: Netns): Result {
  const tap = plan(call, container);
  const plugin = ipam.findIpam(call);
  return allOrNothing((undo) => {
    const inside = make(call, container, { tap, undo });
    const lease = plugin && takeLease(call, plugin, undo);
    applyLease(container, inside, { lease });
    return report(call, { outside: [], inside }, lease);
  });
}

/** What is to be made; throws if its name is taken, or its bridge is missing. */
function plan(call: AddCall<TapConfig>, container: Netns): NewTap {
  const { config, args, attachment } = call;
  const mac = containerMac(config, args);
  requireFreeName(call, container);
  const bridge = config.bridge === undefined ? undefined : getBridge(container, config.bridge);
  return { ...config, name: attachment.ifName, alias: ownerAlias(attachment), mac, bridge };
}

/** The tap, still down. What comes from the machine is no router for the container. */
function make(
  { attachment }: AddCall<TapConfig>,
  container: Netns,
  { tap, undo }: { readonly tap: NewTap; readonly undo: Undo },
): LinkState {
  const made = undo.step(
    `tap "${tap.name}"`,
    () => addTap(container, tap),
    () => void deleteLinkIf(container, tap.name, ({ alias }) => isAliasOf(alias, attachment)),
  );
  heedNoRoutersLater(container, tap.name);
  return made;
}

function check(call: CheckCall<TapConfig>, _host: Netns, container: Netns): void {
  const { config } = call;
  const inside = checkInside(call, container, KIND);
  const fault =
    findTapDifference(container, inside, config) ??
    mtuFault(config, inside) ??
    bridgeFault(config, inside, container);
  confirm(call, fault);
}

/** The reference plugin, which leaves no alias, does not always heed the MTU. */
function mtuFault({ mtu }: TapConfig, inside: Link): string | undefined {
  if (mtu === 0 || inside.mtu === mtu || inside.alias === "") return undefined;
  return `its MTU should be ${mtu}, found ${inside.mtu}`;
}

function bridgeFault(config: TapConfig, inside: Link, container: Netns): string | undefined {
  if (config.bridge === undefined) return undefined;
  const bridge = findLink(container, config.bridge);
  if (bridge && inside.master === bridge.index) return undefined;
  return `it should be a port of "${config.bridge}"`;
}

function del(call: DelCall<TapConfig>, _host: Netns, container: Netns | undefined): void {
  asMuchAsPossible(
    ["delete the tap", () => removeLink(call, container, KIND)],
    ["release the addresses", () => ipam.deleteLease(call)],
  );
}

/** The taps go with their containers, so only addresses can be left. */
function gc(call: GcCall<TapConfig>): void {
  ipam.collectLeases(call);
}

function status(call: StatusCall<TapConfig>, host: Netns): void {
  const fault = findTapFault(host, call.config.selinuxContext);
  requireReady("create a tap", fault && CniError.from(fault).message);
  ipam.checkIpamStatus(call);
}

export const { main, handle, configuration } = interfacePlugin<TapConfig>({
  name: "tap",
  reference: "1.9.1",
  schema,
  args: ["MAC"],
  parseConfig: parseTapConfig,
  commandLine: "labelled-tap",
  add,
  check,
  del,
  gc,
  status,
});
