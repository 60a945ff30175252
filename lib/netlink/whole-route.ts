/**
 * Routes as a whole, so that one can be moved to another table as it is: what `ip route` shows is
 * what is said again. Layout from linux/rtnetlink.h.
 */

import { records } from "../bytes/array.ts";
import { attr, attributes } from "../bytes/attributes.ts";
import type { ReadOf } from "../bytes/layout.ts";
import { bytes, ip, u8, u32 } from "../bytes/scalar.ts";
import { message } from "../bytes/struct.ts";
import { formatAddress } from "../ip/address.ts";
import { NLM_F_CREATE, type Request, request } from "./message.ts";
import { RTM_DELROUTE, RTM_NEWROUTE, RTNH_F_ONLINK, routeRows, rtmsg, rtnexthop } from "./route.ts";

const wholeNextHop = /* @__PURE__ */ message(
  rtnexthop,
  /* @__PURE__ */ attributes({
    gateway: attr(5, "RTA_GATEWAY", ip),
    flow: attr(11, "RTA_FLOW", u32),
    via: attr(18, "RTA_VIA", bytes),
    encapsulationType: attr(21, "RTA_ENCAP_TYPE", bytes),
    encapsulation: attr(22, "RTA_ENCAP", bytes),
  }),
);

/** One route with all that the kernel can be told again: what is of no interest here are bytes. */
export const wholeRouteMessage = /* @__PURE__ */ message(
  rtmsg,
  /* @__PURE__ */ attributes({
    ...routeRows,
    source: attr(2, "RTA_SRC", ip),
    metrics: attr(8, "RTA_METRICS", bytes),
    multipath: attr(9, "RTA_MULTIPATH", /* @__PURE__ */ records(wholeNextHop)),
    flow: attr(11, "RTA_FLOW", u32),
    via: attr(18, "RTA_VIA", bytes),
    preference: attr(20, "RTA_PREF", u8),
    encapsulationType: attr(21, "RTA_ENCAP_TYPE", bytes),
    encapsulation: attr(22, "RTA_ENCAP", bytes),
  }),
);

/** A route as the kernel told it. */
export type WholeRoute = ReadOf<typeof wholeRouteMessage>;

/** Adds a route that was there; EEXIST if it is there. What it says of its state is not said again. */
export function routeAgain(route: WholeRoute): Request {
  return request({
    what: () => `add route ${describeWhole(route)}`,
    type: RTM_NEWROUTE,
    flags: NLM_F_CREATE,
    codec: wholeRouteMessage,
    value: withoutState(route),
  });
}

/** Deletes a route that was there; ESRCH if it is gone. */
export function delRouteAgain(route: WholeRoute): Request {
  return request({
    what: () => `delete route ${describeWhole(route)}`,
    type: RTM_DELROUTE,
    codec: wholeRouteMessage,
    value: withoutState(route),
  });
}

/** The flags of a route, and of its next hops, tell the kernel's view of their links as well. */
function withoutState({ header, attributes }: WholeRoute): WholeRoute {
  const multipath = attributes.multipath?.map((hop) => ({
    ...hop,
    header: { ...hop.header, flags: (hop.header?.flags ?? 0) & RTNH_F_ONLINK },
  }));
  return {
    header: { ...header, flags: header.flags & RTNH_F_ONLINK },
    attributes: { ...attributes, ...(multipath ? { multipath } : {}) },
  };
}

function describeWhole({ header, attributes }: WholeRoute): string {
  const { destination, gateway, table = header.table } = attributes;
  const network = destination ? formatAddress(destination) : "default";
  const length = destination ? `/${header.destinationLength}` : "";
  return `${network}${length}${gateway ? ` via ${formatAddress(gateway)}` : ""} table ${table}`;
}
