/**
 * bandwidth: a container receives and sends no faster than a rate, with bursts.
 *
 *   host                                                    container
 *   ───▶ host's end of the veth pair, root tbf ─────────────▶ eth0     ingressRate
 *   ◀─── bwp…, root tbf ◀── redirect ◀── host's end ◀──────── eth0     egressRate
 *
 * Afterwards the host's end has a token bucket, and, for what the container sends, its input goes
 * through a device `bwp…` that bears its owner in its alias. Both go with the attachment.
 */

import type {
  AddCall,
  Chained,
  CheckCall,
  DelCall,
  GcCall,
  StatusCall,
} from "../../lib/cni/call.ts";
import { collectEach } from "../../lib/cni/collect.ts";
import { findHostEnd } from "../../lib/cni/host-end.ts";
import type { Result } from "../../lib/cni/result.ts";
import { chainedPlugin } from "../../lib/cni/run.ts";
import { allOrNothing } from "../../lib/cni/undo.ts";
import { checkFailed, confirm, requireReady } from "../../lib/cni/verdict.ts";
import { warn } from "../../lib/cni/warn.ts";
import { formatMac } from "../../lib/ip/mac.ts";
import { deleteLinkIfPresent, findLink, type Link, type LinkState } from "../../lib/net/link.ts";
import { linkShelf } from "../../lib/net/link-shelf.ts";
import type { Netns } from "../../lib/net/netns.ts";
import * as shaping from "../../lib/net/shaping.ts";
import * as schema from "./bandwidth.schema.json";
import { type BandwidthConfig, parseBandwidthConfig } from "./config.ts";
import { findShaper, hostEnd, limitOutput, makeShaper, shapes } from "./shaped.ts";

type Add = Chained<AddCall<BandwidthConfig>>;
type Check = Chained<CheckCall<BandwidthConfig>>;

function add(call: Add, host: Netns, container: Netns): Result {
  const { ingress, egress } = call.config;
  if (!ingress && !egress) return call.prevResult;
  const outside = hostEnd(call, host, container);
  const [ingressShape, egressShape] = shapes(call, outside, (change) => warn("bandwidth", change));
  return allOrNothing((undo) => {
    if (ingressShape) limitOutput(host, outside, { shape: ingressShape, undo });
    if (!egressShape) return call.prevResult;
    const shaper = makeShaper(call, host, { outside, undo });
    limitOutput(host, shaper, { shape: egressShape, undo });
    undo.step(
      "redirection",
      () => shaping.shapeInput(host, outside, { shaper, shape: egressShape }),
      () => void shaping.clearInput(host, outside),
    );
    return withShaper(call.prevResult, shaper);
  });
}

function withShaper(result: Result, { name, mac }: LinkState): Result {
  return { ...result, interfaces: [...(result.interfaces ?? []), { name, mac: formatMac(mac) }] };
}

/** What CHECK confirms. */
const OF = "the bandwidth of";

function check(call: Check, host: Netns, container: Netns): void {
  const { ingress, egress } = call.config;
  if (!ingress && !egress) return;
  const outside = hostEnd(call, host, container);
  const [ingressShape, egressShape] = shapes(call, outside, () => {});
  if (ingressShape) confirm(call, shaping.findOutputFault(host, outside, ingressShape), OF);
  if (!egressShape) return;
  const shaper = findShaper(call, host);
  if (!shaper) throw checkFailed(call, "it has no ifb", OF);
  if (!shaper.isUp) throw checkFailed(call, `ifb "${shaper.name}" is down`, OF);
  confirm(call, shaping.findOutputFault(host, shaper, egressShape), OF);
  confirm(call, shaping.findInputFault(host, outside, shaper), OF);
}

/**
 * First the way to the device goes, and only then the device: nothing may be sent to one that is
 * gone, and a way that is left is known by the device it leads to when DEL is repeated.
 */
function del(call: DelCall<BandwidthConfig>, host: Netns, container: Netns | undefined): void {
  const shaper = findShaper(call, host);
  const inside = container && findLink(container, call.attachment.ifName);
  const end = inside && findHostEnd(call, host, inside);
  if (end?.isOwn) release(host, end.link, shaper);
  if (shaper) deleteLinkIfPresent(host, shaper);
}

function release(host: Netns, outside: Link, shaper: Link | undefined): void {
  if (shaper && shaping.findInputFault(host, outside, shaper) === undefined) {
    shaping.clearInput(host, outside);
  }
  if (shaping.isShaped(host, outside)) shaping.clearOutput(host, outside);
}

function gc(call: GcCall<BandwidthConfig>, host: Netns): void {
  collectEach(linkShelf(host, "ifb"), call, () => "delete an ifb");
}

function status(_call: StatusCall<BandwidthConfig>, host: Netns): void {
  requireReady("limit bandwidth", shaping.findMissingParts(host));
}

export const { main, handle, configuration } = chainedPlugin<BandwidthConfig>({
  name: "bandwidth",
  reference: "1.9.1",
  schema,
  parseConfig: parseBandwidthConfig,
  add,
  check,
  del,
  gc,
  status,
});
