/**
 * Devices of the host that containers have: moved there, found again, and brought home. A device
 * never goes without its alias, which is set by the same request as its namespace and its name.
 */

import * as process from "host";
import { EEXIST, ENODEV } from "../host/errno.ts";
import { warn } from "../host/warn.ts";
import { formatMac, parseMac } from "../ip/mac.ts";
import {
  type AddressMessage,
  addAgain,
  addressMessage,
  listAddresses,
} from "../netlink/address.ts";
import { isRefusal, type NetlinkError } from "../netlink/error.ts";
import { changeLink, IFF_UP, type LinkAttributes } from "../netlink/link.ts";
import type { Request } from "../netlink/message.ts";
import { RT_SCOPE_LINK } from "../netlink/route.ts";
import { NetError } from "./error.ts";
import { ifFew } from "./few.ts";
import type { Marked, Shelf } from "./inventory.ts";
import { findLink, type Link, type LinkRef, listLinks } from "./link.ts";
import { type Home, homeOf, movedAlias, readMovedAlias } from "./moved-alias.ts";
import type { Netns } from "./netns.ts";
import { isOfNetwork, type Owner, ownerText } from "./owner.ts";

/** A device where it was found, and how it is at home. */
export interface Device {
  readonly link: Link;
  readonly home: Home;
}

/** One that was moved; its mark names the owner. */
export interface MovedDevice extends Device, Marked {}

/** The device that a link of the host is: one that the kernel brought home has another name there. */
export function deviceOf(link: Link): Device {
  return { link, home: readMovedAlias(link.alias) ?? homeOf(link) };
}

/** The devices in a namespace that were moved to a container: there, or back by the kernel. */
export function listMoved(ns: Netns): MovedDevice[] {
  return listLinks(ns).flatMap((link) => {
    const home = readMovedAlias(link.alias);
    return home ? [{ link, home, mark: home.mark }] : [];
  });
}

/** The device of an attachment in a namespace, whatever name it was given there. */
export function findMoved(ns: Netns, owner: Owner): Device | undefined {
  const mark = ownerText(owner);
  const named = findLink(ns, owner.ifName);
  if (named && readMovedAlias(named.alias)?.mark === mark) return deviceOf(named);
  return ifFew(() => listMoved(ns)).find((device) => device.mark === mark);
}

/**
 * Gives a device to a container as the owner's `ifName`, down. The kernel moves it first: if another
 * took that name meanwhile, it may be in the container under its own name when this throws.
 */
export function moveAway(
  host: Netns,
  { link, home }: Device,
  to: { readonly container: Netns; readonly owner: Owner },
): void {
  const { container, owner } = to;
  const what = `move "${link.name}" into "${container.path}" as "${owner.ifName}"`;
  const attributes = {
    ...(container.fd < 0 ? {} : { netnsFd: container.fd }),
    name: owner.ifName,
    alias: movedAlias(owner, home),
  };
  const request = changeLink(what, link.index, { attributes });
  host.route.perform({ ...request, explain: explained });
}

function explained(error: NetlinkError): Error {
  const because = (state: string) => new NetError("conflict", `Cannot ${error.what}: ${state}`);
  if (isRefusal(error, EEXIST)) return because("that name was taken meanwhile");
  return isRefusal(error, ENODEV) ? because("another process moved it meanwhile") : error;
}

/**
 * Makes a device what it is at home, in the host's namespace, wherever it was found. If another
 * link has its name, it comes home under a free one, down, and keeps its alias: nothing is lost.
 */
export function bringHome(host: Netns, from: Netns, { link, home }: Device): void {
  const holder = findLink(host, home.name);
  const isTaken = holder !== undefined && !(from === host && holder.index === link.index);
  if (isTaken) {
    warn(`Cannot call "${link.name}" "${home.name}" again: another link of the host has that name`);
    if (from === host) return;
  }
  const requests = [...formerState(link, home), isTaken ? sentHome(link) : restored(link, home)];
  const errors = from.route.attempt(...requests).map(({ error }) => error);
  const last = errors.pop();
  for (const error of errors) if (error) warn(error.message);
  if (last) throw last;
}

/** MTU and hardware address, which some devices take only while they are down. */
function formerState(link: Link, { mtu, mac }: Home): readonly Request[] {
  const address = formatMac(link.mac) === mac ? undefined : parseMac(mac);
  const what = `restore MTU ${mtu} and hardware address ${mac} of "${link.name}"`;
  const attributes = { ...(link.mtu === mtu ? {} : { mtu }), ...(address ? { address } : {}) };
  return [
    changeLink(`set "${link.name}" down`, link.index, { clear: IFF_UP }),
    ...(Object.keys(attributes).length > 0 ? [changeLink(what, link.index, { attributes })] : []),
  ];
}

function restored(link: Link, { name, alias, isUp }: Home): Request {
  return toHost(link, { name, alias }, isUp ? IFF_UP : 0);
}

/** As the kernel does it: the first free name of these. */
function sentHome(link: Link): Request {
  return toHost(link, { name: "dev%d" });
}

function toHost({ index, name }: LinkRef, attributes: LinkAttributes, set = 0): Request {
  const change = { set, attributes: { netnsPid: process.getpid(), ...attributes } };
  return changeLink(`move "${name}" to the host as "${attributes.name}"`, index, change);
}

/** A device's addresses, as they are given back if it does not stay in the container. */
export function listToKeep(host: Netns, { link }: Device): readonly AddressMessage[] {
  return host.route
    .dump(listAddresses(link), addressMessage)
    .filter(({ header }) => header.index === link.index && header.scope !== RT_SCOPE_LINK);
}

/** Gives a device at home its addresses again; those that it has are fine. */
export function giveBack(host: Netns, { home }: Device, kept: readonly AddressMessage[]): void {
  const link = kept.length > 0 ? findLink(host, home.name) : undefined;
  if (link) host.route.attempt(...kept.map((address) => addAgain(link, address)));
}

/** Devices that the kernel brought home, by the owner whom their alias names. */
export function movedShelf(host: Netns): Shelf<MovedDevice> {
  return {
    kind: "link",
    list: (network) => listMoved(host).filter(({ mark }) => isOfNetwork(mark, network)),
    marksOf: (owner) => [ownerText(owner)],
    inWords: ({ link, home }) => `link ${link.name} (at home ${home.name})`,
    remove: (devices) => {
      for (const device of devices) bringHome(host, host, device);
    },
  };
}
