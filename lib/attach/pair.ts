/**
 * A veth pair that leads out of a container: CNI_IFNAME inside, and a host end whose name is
 * computed from the attachment and whose alias says whose it is, so that DEL needs no record.
 */

import type { AddCall, DelCall } from "../cni/call.ts";
import { CniError, Code } from "../cni/error.ts";
import { findHostEnd } from "../cni/host-end.ts";
import type { Undo } from "../cni/undo.ts";
import type { Mac } from "../ip/mac.ts";
import { collect } from "../net/inventory.ts";
import { deleteLinkIf, deleteLinkIfPresent, findLink, type Link } from "../net/link.ts";
import { linkShelf } from "../net/link-shelf.ts";
import type { Netns } from "../net/netns.ts";
import { isAliasOf, type Owner, ownerAlias } from "../net/owner.ts";
import { heedNoRoutersLater } from "../net/routers.ts";
import {
  addVeth,
  type HostEnd,
  hostVethName,
  isNameTaken,
  isPair,
  type Veth,
} from "../net/veth.ts";
import { existing, requireFreeName } from "./existing.ts";

/** How many names are tried for a host end before giving up: collisions are one in millions. */
const NAME_ATTEMPTS = 4;

/** Both namespaces of an attachment, and what its pair is to be. */
export interface PairSpec {
  readonly host: Netns;
  readonly container: Netns;
  /** The address of the container's end; undefined for a random one. */
  readonly mac: Mac | undefined;
  /** 0 leaves it to the kernel. */
  readonly mtu: number;
  /** The bridge that the host end is a port of, if any, and what port. */
  readonly port?: Omit<HostEnd, "name" | "alias">;
  /** The usual name of the host end (`hostVethName`), and the link that has it; undefined if none has. */
  readonly name: string;
  readonly taken: Link | undefined;
}

/** Makes the pair, the container's end still down, and the host's unless `port` says otherwise. An attachment that is there is an error, and stays. */
export function makePair(call: AddCall<unknown>, spec: PairSpec, undo: Undo): Veth {
  const { attachment } = call;
  const { host, taken } = spec;
  const name = taken ? freeName(attachment, host) : spec.name;
  const veth = undo.step(
    "veth pair",
    () => addPair(call, spec, name),
    () => void deleteLinkIf(host, name, (link) => isMadeHere(link, spec, attachment)),
  );
  heedNoRoutersLater(host, name);
  return veth;
}

function addPair(call: AddCall<unknown>, spec: PairSpec, name: string): Veth {
  const { attachment } = call;
  const outside = { ...spec.port, name, alias: ownerAlias(attachment) };
  const inside = { name: attachment.ifName, netns: spec.container, mac: spec.mac };
  try {
    return addVeth(spec.host, { host: outside, container: inside, mtu: spec.mtu });
  } catch (cause) {
    if (isNameTaken(cause)) requireFreeName(call, spec.container);
    throw cause;
  }
}

/** An attachment that is there already is an error, by either end, and stays as it is. */
export function requireFreePair(
  call: AddCall<unknown>,
  container: Netns,
  taken: Link | undefined,
): void {
  if (taken && isAliasOf(taken.alias, call.attachment)) {
    const state = `this attachment already exists, with host end "${taken.name}"; DEL comes before another ADD`;
    throw existing(call, state);
  }
  requireFreeName(call, container);
}

/** Another attachment's host end has our name: the same hash, other names. */
function freeName(owner: Owner, host: Netns): string {
  for (let attempt = 1; attempt < NAME_ATTEMPTS; attempt++) {
    const name = hostVethName(owner, attempt);
    if (!findLink(host, name)) return name;
  }
  throw new CniError(Code.conflict, "Cannot name the host end of a veth pair: all names are taken");
}

/** Our alias says so; without one the other end does, which is in the container under its name. */
function isMadeHere(link: Link, { container }: PairSpec, owner: Owner): boolean {
  if (link.alias !== "") return isHostEndOf(link, owner);
  const inside = findLink(container, owner.ifName);
  return inside !== undefined && isPair(link, inside);
}

function isHostEndOf({ kind, alias }: Link, owner: Owner): boolean {
  return kind === "veth" && isAliasOf(alias, owner);
}

/** The container's end as DEL finds it, if it does. */
export interface Inside {
  readonly container: Netns | undefined;
  readonly inside: Link | undefined;
}

/**
 * Deletes the attachment's veth pair, by whichever end can be reached. A link of the container
 * that belongs to another network, or is no veth at all, is not ours to delete.
 */
export function removePair(
  call: DelCall<unknown>,
  host: Netns,
  { container, inside }: Inside,
): void {
  const { attachment } = call;
  const end = container && inside ? findHostEnd(call, host, inside) : undefined;
  if (container && inside && end?.isOwn) {
    deleteLinkIfPresent(container, inside);
    if (end.link.name === hostVethName(attachment)) return; // else an ADD that died may have left another
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
export function collectPairs(host: Netns, network: string, valid: readonly Owner[]): void {
  collect(linkShelf(host, "veth"), network, valid);
}
