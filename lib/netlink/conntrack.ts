/** Tracked connections: what `conntrack` lists and deletes. linux/netfilter/nfnetlink_conntrack.h. */

import { attr, attributes } from "../bytes/attributes.ts";
import type { ValueOf } from "../bytes/layout.ts";
import { ip, u8, u16be, u32, u32be } from "../bytes/scalar.ts";
import { message } from "../bytes/struct.ts";
import { family, type IpAddress } from "../ip/address.ts";
import { AF_INET, AF_INET6 } from "./address.ts";
import { type Request, request } from "./message.ts";
import { nfgenmsg } from "./nfgenmsg.ts";

const NFNL_SUBSYS_CTNETLINK = 1;
const IPCTNL_MSG_CT_GET = 1;
const IPCTNL_MSG_CT_DELETE = 2;

/** What a dump is to compare, net/netfilter/nf_internals.h of the kernel. */
const CTA_FILTER_F_CTA_IP_SRC = 1 << 0;
const CTA_FILTER_F_CTA_PROTO_NUM = 1 << 3;
const CTA_FILTER_F_CTA_PROTO_DST_PORT = 1 << 5;

/** A connection that was answered, linux/netfilter/nf_conntrack_common.h. */
export const IPS_SEEN_REPLY = 1 << 1;

const addresses = /* @__PURE__ */ attributes({
  source4: attr(1, "CTA_IP_V4_SRC", ip),
  destination4: attr(2, "CTA_IP_V4_DST", ip),
  source6: attr(3, "CTA_IP_V6_SRC", ip),
  destination6: attr(4, "CTA_IP_V6_DST", ip),
});

const ports = /* @__PURE__ */ attributes({
  protocol: attr(1, "CTA_PROTO_NUM", u8),
  source: attr(2, "CTA_PROTO_SRC_PORT", u16be),
  destination: attr(3, "CTA_PROTO_DST_PORT", u16be),
  /** Echoes have these in place of ports, and are not found without them. */
  icmpId: attr(4, "CTA_PROTO_ICMP_ID", u16be),
  icmpType: attr(5, "CTA_PROTO_ICMP_TYPE", u8),
  icmpCode: attr(6, "CTA_PROTO_ICMP_CODE", u8),
  icmp6Id: attr(7, "CTA_PROTO_ICMPV6_ID", u16be),
  icmp6Type: attr(8, "CTA_PROTO_ICMPV6_TYPE", u8),
  icmp6Code: attr(9, "CTA_PROTO_ICMPV6_CODE", u8),
});

const tuple = /* @__PURE__ */ attributes({
  addresses: attr(1, "CTA_TUPLE_IP", addresses),
  ports: attr(2, "CTA_TUPLE_PROTO", ports),
  zone: attr(3, "CTA_TUPLE_ZONE", u16be),
});

const filter = /* @__PURE__ */ attributes({
  original: attr(1, "CTA_FILTER_ORIG_FLAGS", u32),
  reply: attr(2, "CTA_FILTER_REPLY_FLAGS", u32),
});

/** One connection: its first packet's addresses and ports, and those of the answers. */
export const flowMessage = /* @__PURE__ */ message(
  nfgenmsg,
  /* @__PURE__ */ attributes({
    original: attr(1, "CTA_TUPLE_ORIG", tuple),
    reply: attr(2, "CTA_TUPLE_REPLY", tuple),
    status: attr(3, "CTA_STATUS", u32be),
    id: attr(12, "CTA_ID", u32be),
    zone: attr(18, "CTA_ZONE", u16be),
    filter: attr(25, "CTA_FILTER", filter),
  }),
);

export type Tuple = ValueOf<typeof tuple>;

/** Which connections are meant; there is no filter that means all of them. */
export interface FlowFilter {
  readonly family: 4 | 6;
  /** The number of the protocol, linux/in.h. */
  readonly protocol: number;
  /** Where the first packet goes to. */
  readonly destinationPort: number;
}

function familyNumber(family: 4 | 6): number {
  return family === 4 ? AF_INET : AF_INET6;
}

/** Asks for connections; a kernel before 5.8 ignores the filter and lists all of the family. */
export function listFlows({ family, protocol, destinationPort }: FlowFilter): Request {
  const original = CTA_FILTER_F_CTA_PROTO_NUM | CTA_FILTER_F_CTA_PROTO_DST_PORT;
  return request({
    what: "list tracked connections",
    type: (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET,
    codec: flowMessage,
    value: {
      header: { family: familyNumber(family) },
      attributes: {
        original: { ports: { protocol, destination: destinationPort } },
        filter: { original, reply: 0 },
      },
    },
  });
}

/** Asks for the connections of all families. */
export function listAllFlows(): Request {
  return request({
    what: "list tracked connections",
    type: (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET,
    codec: flowMessage,
    value: { header: { family: 0 }, attributes: {} },
  });
}

/** Asks for the connections that an address has begun, and maybe others of its family. */
export function listFlowsFrom(source: IpAddress): Request {
  return listFlowsOf(source, "original");
}

/** Asks for the connections that an address answers, whichever was asked; and maybe others. */
export function listFlowsTo(destination: IpAddress): Request {
  return listFlowsOf(destination, "reply");
}

/**
 * Kernels before 5.8 ignore the filter. For an IPv6 address it is left out, because there kernels,
 * 6.18 among them, list all but those that equal the address.
 */
function listFlowsOf(source: IpAddress, direction: "original" | "reply"): Request {
  const of = family(source);
  const flags = { original: 0, reply: 0, [direction]: CTA_FILTER_F_CTA_IP_SRC };
  const attributes = { [direction]: { addresses: { source4: source } }, filter: flags };
  return request({
    what: "list tracked connections",
    type: (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET,
    codec: flowMessage,
    value: { header: { family: familyNumber(of) }, attributes: of === 4 ? attributes : {} },
  });
}

/** One tracked connection, as it was listed. */
export interface Flow {
  readonly family: 4 | 6;
  readonly original: Tuple;
  readonly id: number;
  readonly zone: number | undefined;
}

/** Deletes one connection; ENOENT if it is gone, or another has its place. */
export function deleteFlow({ family, original, id, zone }: Flow): Request {
  return request({
    what: "delete a tracked connection",
    type: (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_DELETE,
    codec: flowMessage,
    value: {
      header: { family: familyNumber(family) },
      attributes: { original, id, ...(zone === undefined ? {} : { zone }) },
    },
  });
}
