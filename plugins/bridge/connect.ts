/** The links of an attachment: the bridge, the veth pair, its VLANs; and taking them away. */

import type { AddCall, DelCall } from "../../lib/cni/call.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import { findHostEnd } from "../../lib/cni/host-end.ts";
import type { Undo } from "../../lib/cni/undo.ts";
import type { Mac } from "../../lib/ip/mac.ts";
import { ensureBridge } from "../../lib/net/bridge.ts";
import {
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
import { addVeth, hostVethName, isNameTaken, type Veth } from "../../lib/net/veth.ts";
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
      isGateway: config.isGateway,
    },
    found,
  );
  const name = taken ? freeName(call, ends.host) : hostVethName(attachment);
  const veth = undo.step(
    "veth pair",
    () => makeVeth(call, ends, { name, bridge }),
    () => void deleteOwn(ends.host, name, attachment),
  );
  heedNoRoutersLater(ends.host, name);
  if (config.isGateway) heedNoRoutersLater(ends.container, attachment.ifName);
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

function deleteOwn(host: Netns, name: string, owner: Owner): boolean {
  const link = findLink(host, name);
  return link !== undefined && isOurs(link, owner) && deleteLinkIfPresent(host, name);
}

/** Our alias says so; a veth without any is one that a killed ADD, or the reference, left. */
function isOurs(link: Link, owner: Owner): boolean {
  return link.kind === "veth" && (link.alias === "" || isAliasOf(link.alias, owner));
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
    deleteLinkIfPresent(container, inside.name);
  }
  for (let attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
    const name = hostVethName(attachment, attempt);
    const link = findLink(host, name);
    if (!link) return;
    if (isAliasOf(link.alias, attachment) || (attempt === 0 && isAbandoned(link)))
      deleteLinkIfPresent(host, name);
  }
}

/** A host end that was never named nor set up: its ADD was killed. */
function isAbandoned(link: Link): boolean {
  return (
    link.kind === "veth" && link.alias === "" && !link.isUp && /^veth[0-9a-f]{8}$/.test(link.name)
  );
}

/** Deletes the host ends of a network whose attachments are not valid, and abandoned ones. */
export function deleteStale(host: Netns, network: string, valid: readonly Owner[]): void {
  const kept = new Set(valid.flatMap(ownerAliases));
  for (const link of listLinks(host)) {
    if (link.kind !== "veth") continue;
    const isStale = isAliasOfNetwork(link.alias, network) && !kept.has(link.alias);
    if (isStale || (isAbandoned(link) && link.master > 0)) deleteLinkIfPresent(host, link.name);
  }
}
