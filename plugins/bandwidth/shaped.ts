/** The devices that shape an attachment: the host's end of its pair, and an ifb for what it sends. */

import type { AddCall, Chained, CheckCall, DelCall } from "../../lib/cni/call.ts";
import { CniError, Code, configError } from "../../lib/cni/error.ts";
import type { Undo } from "../../lib/cni/undo.ts";
import { hostLinks } from "../../lib/cni/whose.ts";
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
import type { Netns } from "../../lib/net/netns.ts";
import { isAliasOf, type Owner, ownerAlias } from "../../lib/net/owner.ts";
import * as shaping from "../../lib/net/shaping.ts";
import { type BandwidthConfig, bucketFor, type Limit } from "./config.ts";
import { shaperNames } from "./names.ts";

type Add = Chained<AddCall<BandwidthConfig>>;
type Check = Chained<CheckCall<BandwidthConfig>>;

/** What the host's end sends is what the container receives, and the other way round. */
export function shapes(
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
export function hostEnd(call: Add | Check, host: Netns, container: Netns): Link {
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

/** Limits what a link sends; undone if what follows fails. */
export function limitOutput(
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
export function makeShaper(
  { attachment }: Add | Check,
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

/** Ours by its alias; one without an alias is what the reference plugin made. */
export function findShaper({ attachment }: Check | DelCall<BandwidthConfig>, host: Netns) {
  const [first, second] = findLinks(host, ...shaperNames(attachment));
  if (second && isShaperOf(second, attachment)) return second;
  const isReferences = first?.kind === "ifb" && first.alias === "";
  return first && (isReferences || isShaperOf(first, attachment)) ? first : undefined;
}

function isShaperOf({ kind, alias }: Link, owner: Owner): boolean {
  return kind === "ifb" && isAliasOf(alias, owner);
}
