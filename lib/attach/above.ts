/** A link of the container above a master: made, checked, taken away, whatever kind it is. */

import type { AddCall, CheckCall, DelCall, StatusCall } from "../cni/call.ts";
import * as ipam from "../cni/ipam.ts";
import type { Result } from "../cni/result.ts";
import { allOrNothing, asMuchAsPossible } from "../cni/undo.ts";
import { confirm, requireReady } from "../cni/verdict.ts";
import type { Mac } from "../ip/mac.ts";
import { isBeside } from "../net/above.ts";
import { findLink, type Link, type LinkKind } from "../net/link.ts";
import { explainAbove, kindFault } from "../net/make.ts";
import type { Netns } from "../net/netns.ts";
import { checkInside } from "./check.ts";
import { applyLease, removalSteps, takeLease } from "./lease.ts";
import { type LinkSpec, makeLink, removeLink } from "./link.ts";
import { type MasterConfig, masterNetns, requireMaster } from "./master.ts";
import { report } from "./report.ts";

/** Both namespaces of an attachment. */
export interface Sides {
  readonly host: Netns;
  readonly container: Netns;
}

/** What a plugin makes above its master. */
export interface Above {
  readonly kind: LinkKind;
  readonly parent: Link;
  /** Undefined leaves it to the kernel. */
  readonly mac?: Mac | undefined;
  /** As LinkSpec says. */
  readonly laterMac?: Mac | undefined;
  /** What is applied where no IPAM plugin is asked; without it such a link has no addresses. */
  readonly lease?: ipam.Lease | undefined;
}

/** The whole ADD of a link above a master that was found to be right. */
export function addAbove(call: AddCall<MasterConfig>, sides: Sides, above: Above): Result {
  const { config } = call;
  const { container } = sides;
  const { mac, lease: given, ...more } = above;
  const plugin = ipam.findIpam(call);
  const host = masterNetns(config, sides);
  const link: LinkSpec = { ...more, host, netns: container, mtu: config.mtu, mac };
  return allOrNothing((undo) => {
    const inside = makeLink(call, link, undo);
    const lease = plugin ? takeLease(call, plugin, undo) : given;
    try {
      applyLease(container, inside, { lease });
    } catch (cause) {
      throw explainAbove(host, { ...link, name: inside.name, mac: inside.mac }, cause);
    }
    return report(call, { outside: [], inside }, lease);
  });
}

/** The CHECK of all but what is the kind's own; returns the link for that. */
export function checkAbove(call: CheckCall<MasterConfig>, sides: Sides, kind: string): Link {
  const inside = checkInside(call, sides.container, kind);
  confirm(call, masterFault(call.config, sides, inside) ?? mtuFault(call, inside));
  return inside;
}

/** A default route may have moved since ADD, so only a master with a name is looked for. */
function masterFault(config: MasterConfig, sides: Sides, inside: Link): string | undefined {
  const { master: name, linkInContainer } = config;
  if (name === undefined) return undefined;
  const master = findLink(masterNetns(config, sides), name);
  if (!master) return `its master "${name}" does not exist`;
  const isRight = isBeside(inside.kind, master)
    ? inside.peer === master.peer
    : inside.peer === master.index && inside.isPeerHere === linkInContainer;
  return isRight ? undefined : `it should be above "${name}", and is above another link`;
}

/** A plugin after this one may have changed the MTU: then its result says so. */
function mtuFault(call: CheckCall<MasterConfig>, { name, mtu }: Link): string | undefined {
  const reported = call.prevResult?.interfaces?.find((link) => link.name === name && link.sandbox);
  const wanted = call.config.mtu > 0 ? (reported?.mtu ?? call.config.mtu) : mtu;
  return wanted === mtu ? undefined : `it should have MTU ${wanted}, found ${mtu}`;
}

/** The whole DEL, which needs no master. */
export function deleteAbove(
  call: DelCall<MasterConfig>,
  container: Netns | undefined,
  kind: string,
): void {
  asMuchAsPossible(
    ...removalSteps(call, [`delete the ${kind}`, () => removeLink(call, container, kind)]),
  );
}

/**
 * STATUS: throws code 50 unless the kernel has such links, and the host the master, as far as that
 * is known without a container.
 */
export function requireAbove(
  call: StatusCall<MasterConfig>,
  host: Netns,
  { kind, isMasterKnown }: { readonly kind: string; readonly isMasterKnown: boolean },
): void {
  const { config } = call;
  requireReady(`create a link of kind ${kind}`, kindFault(host, kind));
  if (isMasterKnown) requireMaster(config, { host, container: undefined }, kind);
  ipam.checkIpamStatus(call);
}
