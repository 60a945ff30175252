/**
 * VRF devices: links that are a routing table's ports. A link that comes to one, or leaves it, goes
 * down and up: the kernel drops its routes, and its IPv6 addresses, which it gets again here.
 */

import { EEXIST } from "../host/errno.ts";
import {
  type AddressMessage,
  AF_INET6,
  addAgain,
  addressMessage,
  IFA_F_NODAD,
  listAddresses,
} from "../netlink/address.ts";
import { isRefusal } from "../netlink/error.ts";
import * as netlink from "../netlink/link.ts";
import { RT_SCOPE_LINK } from "../netlink/route.ts";
import { awaitAddresses } from "./configure.ts";
import { NetError } from "./error.ts";
import { deleteLinkIf, findLink, getLink, type Link, type LinkRef, listLinks } from "./link.ts";
import { kindFault, onceLoaded, randomIndex } from "./make.ts";
import type { Netns } from "./netns.ts";
import {
  addRoutes,
  inTable,
  listTableRoutes,
  restoreRoutes,
  routesBy,
  type TableRoute,
} from "./table.ts";

const KIND = "vrf";
/** What the alias of a VRF says that this suite has made: it goes with the last of its links. */
const ALIAS = "weft-vrf";

/** The VRF of a name, or undefined; throws NetError if another kind of link has the name. */
export function findVrf(ns: Netns, name: string): Link | undefined {
  const link = findLink(ns, name);
  if (!link || isVrf(link)) return link;
  const kind = link.kind === "" ? "is no VRF" : `is of kind ${link.kind}`;
  throw new NetError("conflict", `Cannot use VRF "${name}": a link of that name ${kind}`);
}

/** True for a VRF device. */
export function isVrf({ kind }: Link): boolean {
  return kind === KIND;
}

/** The name of the VRF that has a table; undefined if none has it. */
export function vrfWithTable(ns: Netns, table: number): string | undefined {
  return listLinks(ns).find(({ vrfTable }) => vrfTable === table)?.name;
}

/** Makes a VRF, up and with our alias; if another made one of that name meanwhile, that one. */
export function makeVrf(ns: Netns, name: string, table: number): Link {
  try {
    onceLoaded(ns, KIND, () => ns.route.perform(...creation(name, table)));
  } catch (cause) {
    const fault = isRefusal(cause, EEXIST) ? undefined : kindFault(ns, KIND);
    if (fault !== undefined)
      throw new NetError("unsupported", `Cannot make VRF "${name}": ${fault}`);
    if (!isRefusal(cause, EEXIST)) throw cause;
  }
  return findVrf(ns, name) ?? getLink(ns, name);
}

/** By an index that nobody else has, so that the second does nothing if the first was refused. */
function creation(name: string, table: number) {
  const index = randomIndex();
  const attributes = { name, linkInfo: { own: { kind: KIND, data: { table } } } } as const;
  const claim = { set: netlink.IFF_UP, attributes: { alias: ALIAS } };
  return [
    netlink.newLink(`create VRF "${name}" with table ${table}`, attributes, index),
    netlink.changeLink(`set VRF "${name}" up`, index, claim),
  ];
}

/** Deletes a VRF that this suite has made, and that has no links any more. */
export function deleteVrfIfUnused(ns: Netns, { index }: LinkRef): void {
  deleteLinkIf(ns, index, (link) => isVrf(link) && link.alias === ALIAS && !hasMembers(ns, link));
}

function hasMembers(ns: Netns, { index }: LinkRef): boolean {
  return listLinks(ns, { master: index }).some(({ master }) => master === index);
}

/** What a link loses when its master changes. */
export interface Belongings {
  readonly addresses: readonly AddressMessage[];
  readonly routes: readonly TableRoute[];
}

/** The IPv6 addresses of a link, and its routes in a table. */
export function belongingsOf(ns: Netns, link: LinkRef, table: number): Belongings {
  const addresses = ns.route
    .dump(listAddresses(link), addressMessage)
    .filter(({ header }) => header.index === link.index && header.family === AF_INET6)
    .filter(({ header }) => header.scope !== RT_SCOPE_LINK);
  const routes = routesBy(listTableRoutes(ns), link).filter((route) => route.table === table);
  return { addresses, routes };
}

/** Where a link goes: to a VRF by its index, or to none with 0; and what it is to have there. */
export interface Destination {
  readonly master: number;
  readonly table: number;
  readonly belongings: Belongings;
}

/** Makes a link a VRF's, or nobody's; throws if it does not get again what it had. */
export function moveLink(ns: Netns, link: LinkRef, to: Destination): void {
  setMaster(ns, link, to.master);
  const { addresses, routes } = to.belongings;
  if (addresses.length > 0) {
    ns.route.perform(...addresses.map((address) => atOnce(link, address)));
    awaitAddresses(ns, link);
  }
  addRoutes(ns, inTables(routes, to.table));
}

/** The same where the link is soon gone: what the kernel does not give it again is no loss. */
export function moveLinkAway(ns: Netns, link: LinkRef, to: Destination): void {
  setMaster(ns, link, to.master);
  const { addresses, routes } = to.belongings;
  if (addresses.length > 0) ns.route.attempt(...addresses.map((each) => atOnce(link, each)));
  restoreRoutes(ns, inTables(routes, to.table));
}

function setMaster(ns: Netns, { index, name }: LinkRef, master: number): void {
  const what = master === 0 ? `take "${name}" out of its VRF` : `add "${name}" to a VRF`;
  ns.route.perform(netlink.changeLink(what, index, { attributes: { master } }));
}

/** An address that was in use a moment ago is not probed anew; one that the kernel has kept is fine. */
function atOnce(link: LinkRef, { header, attributes }: AddressMessage) {
  const flags = (attributes.flags ?? header.flags) | IFA_F_NODAD;
  const again = addAgain(link, { header, attributes: { ...attributes, flags } });
  return { ...again, tolerates: [EEXIST] };
}

function inTables(routes: readonly TableRoute[], table: number): readonly TableRoute[] {
  return routes.map((route) => inTable(route, table));
}
