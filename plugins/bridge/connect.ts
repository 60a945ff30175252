/** The links of an attachment: the bridge, the veth pair, its VLANs; and taking them away. */

import type { AddCall, DelCall } from "../../lib/cni/call.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import { findHostEnd } from "../../lib/cni/host-end.ts";
import type { Undo } from "../../lib/cni/undo.ts";
import type { Mac } from "../../lib/ip/mac.ts";
import { ensureBridge } from "../../lib/net/bridge.ts";
import {
  deleteLinkIf,
  deleteLinkIfPresent,
  findLink,
  findLinks,
  type Link,
  listLinks,
} from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import {
  isAliasOf,
  isAliasOfNetwork,
  type Owner,
  ownerAlias,
  ownerAliases,
} from "../../lib/net/owner.ts";
import { heedNoRoutersLater } from "../../lib/net/routers.ts";
import { addVeth, hostVethName, isNameTaken, isPair, type Veth } from "../../lib/net/veth.ts";
import type { BridgeConfig } from "./config.ts";
import { setPortVlans } from "./vlan.ts";

/** How many names are tried for a host end before giving up: collisions are one in millions. */
const NAME_ATTEMPTS = 4;

/** What the bridge plugin connects. */
export interface Connected {
  readonly bridge: Link;
  readonly veth: Veth;
}

/** The container's end as DEL finds it, if it does. */
export interface Inside {
  readonly container: Netns | undefined;
  readonly inside: Link | undefined;
}

/** Both namespaces of an attachment, and the address its link is to have. */
export interface Ends {
  readonly host: Netns;
  readonly container: Netns;
  readonly mac: Mac | undefined;
}

/** The bridge as configured, and a veth pair from it to the container, both ends still down. */
export function connect(call: AddCall<BridgeConfig>, ends: Ends, undo: Undo): Connected {
  const { config, attachment } = call;
  const [found, taken] = findLinks(ends.host, config.bridge, hostVethName(attachment));
  if (taken || !found) refuseExisting(call, ends.container, taken); // else the kernel will
  const bridge = ensureBridge(
    ends.host,
    {
      name: config.bridge,
      mtu: config.mtu,
      promiscuous: config.promiscuous,
      vlanFiltering: config.vlan !== undefined,
      checksSources: config.macSpoofCheck !== undefined,
      isGateway: config.isGateway,
    },
    found,
  );
  const name = taken ? freeName(call, ends.host) : hostVethName(attachment);
  const veth = undo.step(
    "veth pair",
    () => makeVeth(call, ends, { name, bridge }),
    () => void deleteLinkIf(ends.host, name, (link) => isMadeHere(link, ends, attachment)),
  );
  heedNoRoutersLater(ends.host, name);
  if (config.vlan) setPortVlans(ends.host, veth.outside, config.vlan);
  return { bridge, veth };
}

function makeVeth(
  call: AddCall<BridgeConfig>,
  ends: Ends,
  port: { readonly name: string; readonly bridge: Link },
): Veth {
  const { config, attachment } = call;
  const hostEnd = {
    name: port.name,
    master: port.bridge,
    alias: ownerAlias(attachment),
    hairpin: config.hairpin,
    isolated: config.isolated,
  };
  const containerEnd = { name: attachment.ifName, netns: ends.container, mac: ends.mac };
  try {
    return addVeth(ends.host, { host: hostEnd, container: containerEnd, mtu: config.mtu });
  } catch (cause) {
    if (isNameTaken(cause)) refuseExisting(call, ends.container, undefined);
    throw cause;
  }
}

/** An attachment that is there already is an error, and stays as it is. */
function refuseExisting(
  call: AddCall<BridgeConfig>,
  container: Netns,
  hostEnd: Link | undefined,
): void {
  const { ifName } = call.attachment;
  const what = `Cannot create interface "${ifName}" in "${call.netns}"`;
  if (hostEnd && isAliasOf(hostEnd.alias, call.attachment)) {
    const state = `this attachment already exists, with host end "${hostEnd.name}"; DEL comes before another ADD`;
    throw new CniError(Code.conflict, `${what}: ${state}`);
  }
  if (hostEnd === undefined && !findLink(container, ifName)) return;
  if (findLink(container, ifName)) {
    throw new CniError(Code.conflict, `${what}: an interface of this name already exists`);
  }
}

/** Another attachment's host end has our name: the same hash, other names. */
function freeName(call: AddCall<BridgeConfig>, host: Netns): string {
  for (let attempt = 1; attempt < NAME_ATTEMPTS; attempt++) {
    const name = hostVethName(call.attachment, attempt);
    if (!findLink(host, name)) return name;
  }
  throw new CniError(Code.conflict, "Cannot name the host end of a veth pair: all names are taken");
}

/** Our alias says so; without one the other end does, which is in the container under its name. */
function isMadeHere(link: Link, { container }: Ends, owner: Owner): boolean {
  if (link.alias !== "") return isHostEndOf(link, owner);
  const inside = findLink(container, owner.ifName);
  return inside !== undefined && isPair(link, inside);
}

function isHostEndOf({ kind, alias }: Link, owner: Owner): boolean {
  return kind === "veth" && isAliasOf(alias, owner);
}

/**
 * Deletes the attachment's veth pair, by whichever end can be reached. A link of the container
 * that belongs to another network, or is no veth at all, is not ours to delete.
 */
export function disconnect(
  call: DelCall<BridgeConfig>,
  host: Netns,
  { container, inside }: Inside,
): void {
  const { attachment } = call;
  if (container && inside && findHostEnd(call, host, inside)?.isOwn) {
    deleteLinkIfPresent(container, inside);
  }
  for (let attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
    const name = hostVethName(attachment, attempt);
    const link = findLink(host, name);
    if (!link) return;
    if (isHostEndOf(link, attachment)) deleteLinkIfPresent(host, link);
  }
}

/**
 * Deletes the host ends of a network whose attachments are not valid. Only an alias tells whose a
 * link is: the pair and its alias are made by one datagram, which the kernel carries out before a
 * signal can end the sender, so none is left without, and whatever has none is somebody else's.
 */
export function deleteStale(host: Netns, network: string, valid: readonly Owner[]): void {
  const kept = new Set(valid.flatMap(ownerAliases));
  const isStale = ({ kind, alias }: Link) =>
    kind === "veth" && isAliasOfNetwork(alias, network) && !kept.has(alias);
  for (const { index } of listLinks(host).filter(isStale)) deleteLinkIf(host, index, isStale);
}
