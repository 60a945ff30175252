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
import { CniError, Code, configError } from "../../lib/cni/error.ts";
import { findHostEnd } from "../../lib/cni/host-end.ts";
import type { Result } from "../../lib/cni/result.ts";
import { chainedPlugin } from "../../lib/cni/run.ts";
import { allOrNothing, type Undo } from "../../lib/cni/undo.ts";
import { checkFailed, confirm, requireReady } from "../../lib/cni/verdict.ts";
import { warn } from "../../lib/cni/warn.ts";
import { hostLinks } from "../../lib/cni/whose.ts";
import { formatMac } from "../../lib/ip/mac.ts";
import {
  deleteLinkIf,
  deleteLinkIfPresent,
  findLink,
  findLinks,
  getLink,
  type Link,
  type LinkRef,
  type LinkState,
} from "../../lib/net/link.ts";
import { linkShelf } from "../../lib/net/link-shelf.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { isAliasOf, type Owner, ownerAlias } from "../../lib/net/owner.ts";
import * as shaping from "../../lib/net/shaping.ts";
import * as schema from "./bandwidth.schema.json";
import { type BandwidthConfig, bucketFor, type Limit, parseBandwidthConfig } from "./config.ts";
import { shaperNames } from "./names.ts";

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

/** What the host's end sends is what the container receives, and the other way round. */
function shapes(
  call: Add | Check,
  { mtu }: Link,
  told: (change: string) => void,
): (shaping.Shape | undefined)[] {
  const { ingress, egress, scope } = call.config;
  const shape = (limit: Limit | undefined, remote: "source" | "destination") => {
    if (!limit) return undefined;
    const { bucket, changes } = bucketFor(limit, mtu);
    changes.forEach(told);
    return { bucket, scope, remote };
  };
  return [shape(ingress, "source"), shape(egress, "destination")];
}

/** The host's end of the container's veth pair, which the result before has to name. */
function hostEnd(call: Add | Check, host: Netns, container: Netns): Link {
  const { ifName } = call.attachment;
  const inside = getLink(container, ifName);
  const what = `Cannot shape "${ifName}" in "${call.netns}"`;
  if (inside.kind !== "veth" || inside.peer === 0) {
    const state = `container interface has no veth peer: it is of kind "${inside.kind}"`;
    throw new CniError(Code.config, `${what}: ${state}`);
  }
  const outside = findLink(host, inside.peer);
  if (outside?.kind !== "veth") {
    const state = `veth peer with index ${inside.peer} is not in the host's namespace`;
    throw new CniError(Code.config, `${what}: ${state}`);
  }
  if (hostLinks(call.prevResult, ifName).includes(outside.name)) return outside;
  throw hostEndError(call, outside);
}

/** The result before names the host's end with a namespace, or not at all. */
function hostEndError({ attachment, prevResult }: Add | Check, { name }: Link): CniError {
  const { interfaces = [] } = prevResult;
  const what = `the host's end of "${attachment.ifName}"`;
  const at = interfaces.findIndex((known) => known.name === name);
  const found = interfaces[at];
  if (!found)
    return configError("prevResult.interfaces", `a list with "${name}", ${what}`, interfaces);
  const path = `prevResult.interfaces[${at}].sandbox`;
  return configError(path, `empty, since "${name}" is ${what}`, found.sandbox);
}

function limitOutput(
  host: Netns,
  link: LinkRef,
  { shape, undo }: { readonly shape: shaping.Shape; readonly undo: Undo },
): void {
  undo.step(
    `limit of "${link.name}"`,
    () => shaping.shapeOutput(host, link, shape),
    () => shaping.clearOutput(host, link),
  );
  shaping.queueFairly(host, link, shape);
}

/** The attachment's ifb, made anew should a killed ADD have left it. */
function makeShaper(
  { attachment }: Add,
  host: Netns,
  { outside, undo }: { readonly outside: Link; readonly undo: Undo },
): LinkState {
  const alias = ownerAlias(attachment);
  const names = shaperNames(attachment);
  const found = findLinks(host, ...names);
  const own = found.find((link) => link && isShaperOf(link, attachment));
  if (own) deleteLinkIfPresent(host, own);
  const name = own?.name ?? names.find((_, i) => found[i] === undefined);
  if (name === undefined) {
    throw new CniError(Code.conflict, `Cannot name an ifb: "${names[0]}" is taken`);
  }
  return undo.step(
    "ifb",
    () => shaping.addShaper(host, { name, mtu: outside.mtu, alias }),
    () => void deleteLinkIf(host, name, (link) => isShaperOf(link, attachment)),
  );
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

/** Ours by its alias; one without an alias is what the reference plugin made. */
function findShaper({ attachment }: Check | DelCall<BandwidthConfig>, host: Netns) {
  const [first, second] = findLinks(host, ...shaperNames(attachment));
  if (second && isShaperOf(second, attachment)) return second;
  const isReferences = first?.kind === "ifb" && first.alias === "";
  return first && (isReferences || isShaperOf(first, attachment)) ? first : undefined;
}

function isShaperOf({ kind, alias }: Link, owner: Owner): boolean {
  return kind === "ifb" && isAliasOf(alias, owner);
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
