/**
 * VRF devices: links that are a routing table's ports. A link that comes to one, or leaves it, goes
 * down and up: the kernel drops its routes, and its IPv6 addresses, which it gets again here.
 */

import { EEXIST, ENODEV } from "../host/errno.ts";
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
import type { Request } from "../netlink/message.ts";
import { RT_SCOPE_LINK } from "../netlink/route.ts";
import { awaitAddresses } from "./configure.ts";
import { NetError } from "./error.ts";
import { deleteLinkIf, findLink, getLink, type Link, type LinkRef, listLinks } from "./link.ts";
import { kindFault, onceLoaded, randomIndex } from "./make.ts";
import type { Netns } from "./netns.ts";
import {
  addRoutes,
  deleteRoutes,
  inTable,
  listTableRoutes,
  performInBatches,
  restorations,
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

/** Makes a VRF, down and with our alias; if another made one of that name meanwhile, that one. */
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
  const claim = { attributes: { alias: ALIAS } };
  return [
    netlink.newLink(`create VRF "${name}" with table ${table}`, attributes, index),
    netlink.changeLink(`name the owner of VRF "${name}"`, index, claim),
  ];
}

/**
 * Sets a VRF of ours up, unless its table is another VRF's, or it is gone: then false. Of several
 * that are made at once for one table none is up yet, and the one of the lowest index goes on; who
 * comes when that one is up finds it so, and who came before is found when asked once more.
 */
export function claimVrf(ns: Netns, vrf: Link): boolean {
  if (vrf.isUp || !isOwn(vrf)) return true;
  if (!hasTable(ns, vrf, (rival) => !rival.isUp)) return false;
  const up = netlink.changeLink(`set VRF "${vrf.name}" up`, vrf.index, { set: netlink.IFF_UP });
  ns.route.perform({ ...up, tolerates: [ENODEV] });
  return hasTable(ns, vrf, () => true);
}

/** True if a VRF is there, and comes before all that have its table; who does not wait comes first. */
function hasTable(ns: Netns, vrf: Link, waits: (rival: Link) => boolean): boolean {
  const all = listLinks(ns).filter(({ vrfTable }) => vrfTable === vrf.vrfTable);
  const rivals = all.filter(({ index }) => index !== vrf.index);
  const isBehind = (rival: Link) => isOwn(rival) && waits(rival) && rival.index > vrf.index;
  return rivals.length < all.length && rivals.every(isBehind);
}

function isOwn({ alias }: Link): boolean {
  return alias === ALIAS;
}

/** Deletes a VRF that this suite has made, and that has no links any more. */
export function deleteVrfIfUnused(ns: Netns, { index }: LinkRef): void {
  deleteLinkIf(ns, index, (link) => isVrf(link) && isOwn(link) && !hasMembers(ns, link));
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
  const { addresses, routes } = to.belongings;
  performInBatches(ns, move(link, to, [EEXIST]));
  if (addresses.length > 0) awaitAddresses(ns, link);
  addRoutes(ns, inTables(routes, to.table));
}

/** Moves a link that is soon gone: what the kernel does not give it again is no loss. */
export function moveLinkAway(ns: Netns, link: LinkRef, to: Destination): void {
  performInBatches(ns, move(link, to, "any"));
}

/**
 * All goes in one datagram, or as much as fits: nobody who is killed leaves a link without its routes,
 * but for those with an IPv6 address as their source, which the kernel takes some time after that.
 */
function move(
  link: LinkRef,
  { master, table, belongings }: Destination,
  tolerates: NonNullable<Request["tolerates"]>,
): readonly Request[] {
  const what = master === 0 ? `take "${link.name}" out of its VRF` : `add "${link.name}" to a VRF`;
  return [
    netlink.changeLink(what, link.index, { attributes: { master } }),
    ...belongings.addresses.map((address) => ({ ...atOnce(link, address), tolerates })),
    ...restorations(inTables(belongings.routes, table)),
  ];
}

/** An address that was in use a moment ago is not probed anew. */
function atOnce(link: LinkRef, { header, attributes }: AddressMessage): Request {
  const flags = (attributes.flags ?? header.flags) | IFA_F_NODAD;
  return addAgain(link, { header, attributes: { ...attributes, flags } });
}

/** Deletes routes from a table to which they came without their link. */
export function deleteFromTable(ns: Netns, { routes }: Belongings, table: number): void {
  deleteRoutes(ns, inTables(routes, table));
}

function inTables(routes: readonly TableRoute[], table: number): readonly TableRoute[] {
  return routes.map((route) => inTable(route, table));
}
