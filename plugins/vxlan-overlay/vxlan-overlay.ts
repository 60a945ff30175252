/**
 * vxlan-overlay: containers of many hosts in one flat network.
 *
 *   container ── eth0 ═ veth ══▶ bridge cni0           this host's subnet, 10.244.1.0/24
 *                                  │  route: 10.244.2.0/24 by the device
 *                                  ▼
 *                                weft.1                neighbour: whose MAC; forwarding: which host
 *                                  │  wrapped in UDP 8472
 *                                  ▼
 *                                uplink ──▶ other host ──▶ weft.1 ──▶ cni0 ──▶ container
 *
 * Afterwards the device has the entries of every peer, and the container hangs on the bridge as the
 * bridge plugin connects it. The device and its entries stay: they belong to the host.
 */

import type { AddCall, CheckCall, DelCall, GcCall, StatusCall } from "../../lib/cni/call.ts";
import { sayLine } from "../../lib/cni/command-line.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import type { Result } from "../../lib/cni/result.ts";
import { parseResult } from "../../lib/cni/result-in.ts";
import { interfacePlugin } from "../../lib/cni/run.ts";
import { allOrNothing, asMuchAsPossible } from "../../lib/cni/undo.ts";
import { unconfirmed } from "../../lib/cni/verdict.ts";
import { cidrsOf } from "../../lib/cni/whose.ts";
import * as masquerading from "../../lib/filter/masquerade.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { type OverlayConfig, parseOverlayConfig } from "./config.ts";
import { masqueradeOf } from "./masqueraded.ts";
import { toBridge } from "./to-bridge.ts";
import { ensureUnderlay, findUnderlayFaults, hasDevice, requireReadiness } from "./underlay.ts";
import * as schema from "./vxlan-overlay.schema.json";

function add(call: AddCall<OverlayConfig>, host: Netns): Result {
  const { mtu, limits } = ensureUnderlay(call.config, host);
  tellOfLimits(call.network, limits);
  return allOrNothing((undo) => {
    const output = undo.step(
      "attachment to the bridge",
      () => toBridge(call, "ADD", mtu),
      () => toBridge(call, "DEL", mtu),
    );
    const result = parseResult(output ?? null, {
      what: "the result of the bridge",
      code: Code.delegate,
      version: call.cniVersion,
      sameShape: false,
    });
    if (call.config.ipMasq) {
      undo.before("masquerade", () =>
        masquerading.deleteMasquerade(host, { owner: call.attachment, known: [] }),
      );
      masquerading.addMasquerade(host, masqueradeOf(call, result));
    }
    return result;
  });
}

/** So many are named; the daemon and STATUS name all. */
const NAMED = 5;

/** Some hosts are not reached: the container does not wait for them, but it is said. */
function tellOfLimits(network: string, limits: readonly string[]): void {
  const more = limits.length - NAMED;
  for (const limit of limits.slice(0, NAMED)) sayLine("stderr", `network "${network}": ${limit}`);
  if (more > 0) sayLine("stderr", `network "${network}": ${more} more, all of which STATUS names`);
}

function check(call: CheckCall<OverlayConfig>, host: Netns): void {
  toBridge(call, "CHECK", 0);
  const { config, network } = call;
  const [fault = masqueradeFault(call, host)] = findUnderlayFaults(config, host);
  if (fault !== undefined) throw unconfirmed(`network "${network}"`, fault);
}

function masqueradeFault(call: CheckCall<OverlayConfig>, host: Netns): string | undefined {
  if (!call.config.ipMasq) return undefined;
  return masquerading.findMasqueradeFault(host, masqueradeOf(call, call.prevResult ?? {}));
}

function del(call: DelCall<OverlayConfig>, host: Netns): void {
  const known = cidrsOf(call.prevResult?.ips ?? []).map(({ address }) => address);
  asMuchAsPossible(
    [
      "delete the masquerade",
      () =>
        call.config.ipMasq &&
        masquerading.deleteMasquerade(host, { owner: call.attachment, known }),
    ],
    ["leave the bridge", () => toBridge(call, "DEL", 0)],
  );
}

function gc(call: GcCall<OverlayConfig>): void {
  toBridge(call, "GC", 0);
}

/** Ready if this host could join; limited if the device is there but does not reach every peer. */
function status(call: StatusCall<OverlayConfig>, host: Netns): void {
  const { config, network } = call;
  const reading = requireReadiness(config, host);
  toBridge(call, "STATUS", 0);
  const { leftOut } = reading.peers;
  if (!hasDevice(config, host)) tellOfLimits(network, leftOut);
  else requireNoFaults(network, [...leftOut, ...findUnderlayFaults(config, host, reading)]);
}

/** A host in trouble may miss thousands. */
const MOST_DETAILS = 50;

function requireNoFaults(network: string, [fault, ...more]: readonly string[]): void {
  if (fault === undefined) return;
  throw new CniError(
    Code.limitedConnectivity,
    `Cannot reach every host of network "${network}": ${fault}`,
    more.slice(0, MOST_DETAILS).join("; "),
  );
}

export const { main, handle, configuration } = interfacePlugin<OverlayConfig>({
  name: "vxlan-overlay",
  schema,
  args: ["MAC", "IP"],
  parseConfig: parseOverlayConfig,
  commandLine: "vxlan-daemon",
  add,
  check,
  del,
  gc,
  status,
});
