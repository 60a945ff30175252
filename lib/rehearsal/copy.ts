/** A network namespace as it is, and the same once more: addresses, routes, rules and sysctls. */

import { bytes } from "../bytes/scalar.ts";
import { EAFNOSUPPORT, EEXIST, EOPNOTSUPP } from "../host/errno.ts";
import type { Netns } from "../net/netns.ts";
import { dumpRoutes } from "../net/route.ts";
import { setSysctlIfPresent } from "../net/sysctl.ts";
import * as address from "../netlink/address.ts";
import { isRefusal } from "../netlink/error.ts";
import * as netlink from "../netlink/link.ts";
import { NLM_F_CREATE, NLM_F_EXCL, type Request } from "../netlink/message.ts";
import { listRoutes, RT_TABLE_LOCAL } from "../netlink/route.ts";
import { listRules, policyRuleMessage, RTM_NEWRULE } from "../netlink/rule.ts";
import { routeAgain, type WholeRoute, wholeRouteMessage } from "../netlink/whole-route.ts";
import { type ToldLink, tellLinks } from "./links.ts";
import { again, decoded } from "./messages.ts";
import { readSysctls, type Sysctls, writeSysctls } from "./sysctls.ts";

/** All that is copied of a namespace. */
export interface Told {
  readonly links: readonly ToldLink[];
  readonly addresses: readonly address.AddressMessage[];
  readonly routes: readonly WholeRoute[];
  /** As the kernel told them. */
  readonly rules: readonly Uint8Array[];
  readonly sysctls: Sysctls;
}

/** What there is of a namespace that is not there yet. */
export const nothing: Told = {
  links: [],
  addresses: [],
  routes: [],
  rules: [],
  sysctls: new Map(),
};

/** More veths than these are those of other attachments, whose sysctls nobody is interested in. */
const MANY = 32;

/** The links whose sysctls are not looked at. */
export function ignoredLinks(links: readonly ToldLink[]): ReadonlySet<string> {
  const veths = links.filter(({ link }) => link.kind === "veth").map(({ link }) => link.name);
  return new Set(veths.length > MANY ? veths : []);
}

/** Reads all that is copied of a namespace. */
export function tell(ns: Netns): Told {
  const links = tellLinks(ns);
  return {
    links,
    addresses: ns.route.dump(address.listAllAddresses(), address.addressMessage),
    routes: tellRoutes(ns),
    rules: tellRules(ns),
    sysctls: readSysctls(ns, ignoredLinks(links)),
  };
}

/** The routes of all tables but that of local ones, which the kernel makes for itself. */
export function tellRoutes(ns: Netns): readonly WholeRoute[] {
  return [address.AF_INET, address.AF_INET6]
    .flatMap((family) => dumpRoutes(ns, listRoutes(family, undefined), wholeRouteMessage))
    .filter(({ header, attributes }) => (attributes.table ?? header.table) !== RT_TABLE_LOCAL);
}

/** The rules of IPv4 and IPv6, in bytes; none where the kernel has no rules. */
export function tellRules(ns: Netns): readonly Uint8Array[] {
  try {
    return ns.route
      .dump(listRules(), bytes)
      .filter(([family]) => family === address.AF_INET || family === address.AF_INET6);
  } catch (cause) {
    if (isRefusal(cause, EAFNOSUPPORT, EOPNOTSUPP)) return [];
    throw cause;
  }
}

/** Addresses of links that come up are good at once: nobody else is there. */
export function withoutWaiting(ns: Netns): void {
  for (const which of ["all", "default"]) {
    setSysctlIfPresent(ns, `ipv6/conf/${which}/accept_dad`, "0");
  }
}

/**
 * Gives a namespace, whose links are there and down, all that another has besides. Returns in words
 * what the kernel did not take.
 */
export function fill(ns: Netns, told: Told): readonly string[] {
  for (const { link } of told.links) joinMaster(ns, link);
  for (const { link } of told.links) if (link.isUp) setUp(ns, link);
  const refused = [
    ...told.addresses.map((each) => address.addAgain(targetOf(told, each), each)),
    ...[...told.routes].sort(byGateway).map(routeAgain),
    ...told.rules.map(ruleAgain),
  ].flatMap((request) => refusalOf(ns, request));
  writeSysctls(ns, told.sysctls, ignoredLinks(told.links));
  return refused;
}

function joinMaster(
  ns: Netns,
  { name, index, master, alias, hairpin, isolated }: ToldLink["link"],
) {
  const attributes = {
    ...(master === 0 ? {} : { master }),
    ...(alias === "" ? {} : { alias }),
  };
  if (name === "lo" || Object.keys(attributes).length === 0) return;
  refusalOf(ns, netlink.changeLink(`set "${name}"`, index, { attributes }));
  if (!hairpin && !isolated) return;
  const port = {
    kind: "bridge" as const,
    data: { ...(hairpin ? { hairpin: 1 } : {}), ...(isolated ? { isolated: 1 } : {}) },
  };
  const change = { attributes: { linkInfo: { port } } };
  refusalOf(ns, netlink.changeLink(`set "${name}"`, index, change));
}

function setUp(ns: Netns, { name, index }: ToldLink["link"]): void {
  refusalOf(ns, netlink.changeLink(`set "${name}" up`, index, { set: netlink.IFF_UP }));
}

function targetOf({ links }: Told, { header }: address.AddressMessage) {
  const found = links.find(({ link }) => link.index === header.index);
  return { index: header.index, name: found?.link.name ?? "" };
}

/** A gateway has to be on a link: routes to links come first. */
function byGateway(a: WholeRoute, b: WholeRoute): number {
  const rank = ({ attributes }: WholeRoute) => (attributes.gateway || attributes.multipath ? 1 : 0);
  return rank(a) - rank(b);
}

function ruleAgain(body: Uint8Array): Request {
  const { attributes } = decoded(policyRuleMessage, body);
  const what = `add a rule of priority ${attributes.priority ?? 0}`;
  return again({ what, type: RTM_NEWRULE, flags: NLM_F_CREATE | NLM_F_EXCL }, body);
}

/** What the kernel says of one request, if it refuses it; what is there already is fine. */
function refusalOf(ns: Netns, request: Request): readonly string[] {
  const [outcome] = ns.route.attempt({ ...request, tolerates: [EEXIST] });
  return outcome?.error ? [outcome.error.message] : [];
}
