/** Bridges: make them so, and keep what others rely on as it is. */

import { hash32 } from "../bytes/hash.ts";
import { EEXIST, EOPNOTSUPP } from "../host/errno.ts";
import { readTextIfPresent } from "../host/file.ts";
import type { Mac } from "../ip/mac.ts";
import { isRefusal, type NetlinkError } from "../netlink/error.ts";
import * as netlink from "../netlink/link.ts";
import { BR_BOOLOPT_NO_LL_LEARN } from "../netlink/link-kinds.ts";
import { NetError } from "./error.ts";
import { deleteLinkIfPresent, findLink, getLink, type Link } from "./link.ts";
import { onceLoaded } from "./make.ts";
import type { Netns } from "./netns.ts";
import { heedNoRouters, heedNoRoutersLater } from "./routers.ts";
import { setSysctlIfPresent } from "./sysctl.ts";
import { randomMac } from "./veth.ts";

/** What a bridge must be; MTU 0 leaves it to the kernel, and counts only when it is made. */
export interface BridgeSpec {
  readonly name: string;
  readonly mtu: number;
  readonly promiscuous: boolean;
  readonly vlanFiltering: boolean;
  /** True if sources are checked: then no frame that passes the check by teaches it an address. */
  readonly checksSources: boolean;
  /** True if the host is a router of this network: then it heeds no other by this bridge. */
  readonly isGateway: boolean;
}

/**
 * The bridge, made if it is missing, up, and as the spec says; `found` saves a question. Whether the
 * host heeds routers of a network that it only belongs to is for its administrator to say.
 */
export function ensureBridge(ns: Netns, spec: BridgeSpec, found: Link | undefined): Link {
  const existing = asBridge(found ?? makeBridge(ns, spec));
  if (spec.isGateway) heedNoRouters(ns, existing);
  else if (!found) heedNoRoutersLater(ns, spec.name);
  return adjustBridge(ns, spec, existing);
}

/** The bridge of a name; throws NetError if there is none. */
export function getBridge(ns: Netns, name: string): Link {
  const found = findLink(ns, name);
  if (found) return asBridge(found);
  const state = `there is no such link in "${ns.path}"`;
  throw new NetError("unsupported", `Cannot use bridge "${name}": ${state}`);
}

function asBridge(link: Link): Link {
  if (link.kind === "bridge") return link;
  const state = "it already exists but is not a bridge";
  throw new NetError("conflict", `Cannot use bridge "${link.name}": ${state}`);
}

/** Another process may make the same bridge at the same instant: then theirs is ours too. */
function makeBridge(ns: Netns, spec: BridgeSpec): Link {
  const attributes = {
    name: spec.name,
    address: stableMac(spec.name),
    ...(spec.mtu > 0 ? { mtu: spec.mtu } : {}),
    linkInfo: {
      own: { kind: "bridge" as const, data: spec.vlanFiltering ? { vlanFiltering: 1 } : {} },
    },
  };
  try {
    const request = netlink.newLink(`create bridge "${spec.name}"`, attributes);
    onceLoaded(ns, "bridge", () => ns.route.perform(request));
  } catch (cause) {
    if (spec.vlanFiltering && isRefusal(cause, EOPNOTSUPP) && !isUnknownKind(cause)) {
      throw noVlanFiltering(spec.name);
    }
    if (!isRefusal(cause, EEXIST)) throw cause;
    return getLink(ns, spec.name);
  }
  const made = getLink(ns, spec.name);
  if (spec.vlanFiltering && !made.vlanFiltering) {
    deleteLinkIfPresent(ns, made);
    throw noVlanFiltering(spec.name);
  }
  return made;
}

/** A kernel without bridges refuses with the same number, and says so since 4.20. */
function isUnknownKind({ kernelText }: NetlinkError): boolean {
  return /unknown device type/i.test(kernelText);
}

/**
 * An address of its own at creation: a bridge without one takes the lowest of its ports', and
 * changes it, and every neighbour's idea of it, as containers come and go.
 */
function stableMac(name: string): Mac {
  const machine = readTextIfPresent("/etc/machine-id")?.trim() ?? "";
  if (machine === "") return randomMac();
  const low = hash32(`${machine}/${name}`);
  const high = hash32(`${machine}/${name}`, 1);
  return Uint8Array.of(
    0x02,
    high & 0xff,
    low >>> 24,
    (low >>> 16) & 0xff,
    (low >>> 8) & 0xff,
    low & 0xff,
  );
}

/** A bridge that somebody else made keeps the address it has, as gateways must; zero is none. */
export function keepMac(ns: Netns, { name, index, mac }: Link): void {
  const address = mac.some((byte) => byte !== 0) ? mac : stableMac(name);
  const what = `set the hardware address of bridge "${name}"`;
  ns.route.perform(netlink.changeLink(what, index, { attributes: { address } }));
}

/** Switches on what is missing and nothing else; an existing bridge's MTU is its owner's. */
function adjustBridge(ns: Netns, spec: BridgeSpec, link: Link): Link {
  const needsVlan = spec.vlanFiltering && !link.vlanFiltering;
  const needsPromisc = spec.promiscuous && !link.isPromiscuous;
  const needsQuiet = spec.checksSources && link.learnsLinkLocal;
  if (link.isUp && !needsVlan && !needsPromisc && !needsQuiet) return link;
  if (!link.isUp) prepareForIpv6(ns, spec.name);
  const [{ error } = {}] = ns.route.attempt(
    netlink.changeLink(`set bridge "${spec.name}" up`, link.index, {
      set: netlink.IFF_UP | (needsPromisc ? netlink.IFF_PROMISC : 0),
      attributes: needsVlan || needsQuiet ? optionsOf(needsVlan, needsQuiet) : {},
    }),
  );
  if (needsVlan && isRefusal(error, EOPNOTSUPP)) throw noVlanFiltering(spec.name);
  if (error) throw error;
  const changed = getLink(ns, link.index);
  if (spec.vlanFiltering && !changed.vlanFiltering) throw noVlanFiltering(spec.name);
  if (spec.checksSources && changed.learnsLinkLocal) throw alwaysLearns(spec.name);
  return changed;
}

function optionsOf(vlanFiltering: boolean, isQuiet: boolean): netlink.LinkAttributes {
  const bit = BR_BOOLOPT_NO_LL_LEARN;
  const data = {
    ...(vlanFiltering ? { vlanFiltering: 1 } : {}),
    ...(isQuiet ? { booleanOptions: { values: bit, mask: bit } } : {}),
  };
  return { linkInfo: { own: { kind: "bridge", data } } };
}

/** An older kernel does not know the attribute, and says nothing. */
function alwaysLearns(name: string): NetError {
  return new NetError(
    "unsupported",
    `Cannot check sources of frames on bridge "${name}": this kernel has no no_linklocal_learn (Linux 5.0), so a frame that the check does not see would still move an address`,
  );
}

/**
 * A bridge's own link-local address, which nobody else can have, counts at once: until it does, the
 * kernel looks for no neighbour, and the first container waits.
 */
function prepareForIpv6(ns: Netns, name: string): void {
  setSysctlIfPresent(ns, `ipv6/conf/${name}/accept_dad`, "0");
}

function noVlanFiltering(name: string): NetError {
  return new NetError(
    "unsupported",
    `Cannot filter VLANs on bridge "${name}": this kernel was built without bridge VLAN filtering (CONFIG_BRIDGE_VLAN_FILTERING)`,
  );
}

/** The fault of something that bears a bridge's name, or undefined if the name is free or fine. */
export function bridgeFault(ns: Netns, name: string): string | undefined {
  const link = findLink(ns, name);
  return link && link.kind !== "bridge" ? "it already exists but is not a bridge" : undefined;
}
