/** Links: what `ip link` reads and writes. Layouts from linux/rtnetlink.h and linux/if_link.h. */

import { element } from "../bytes/array.ts";
import { attr, attributes } from "../bytes/attributes.ts";
import type { Layout, ValueOf } from "../bytes/layout.ts";
import { bytes, cstring, s32, text, u8, u16, u32 } from "../bytes/scalar.ts";
import { message, struct } from "../bytes/struct.ts";
import { type Recursive, recursive, resolved, shared, variant } from "../bytes/variant.ts";
import { kinds, portKinds } from "./link-kinds.ts";
import { NLM_F_CREATE, NLM_F_EXCL, type Request, request } from "./message.ts";

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_SETLINK = 19;

/** Multicast group that announces every change of a link. */
export const RTNLGRP_LINK = 1;

export const AF_BRIDGE = 7;

/** Flags of a link, linux/if.h. */
export const IFF_UP = 0x1;
export const IFF_LOOPBACK = 0x8;
export const IFF_PROMISC = 0x100;
export const IFF_ALLMULTI = 0x200;

/** Bytes of a link's name with the NUL at its end, linux/if.h. */
export const IFNAMSIZ = 16;

/** Operational states, linux/if.h (RFC 2863). */
export const IF_OPER_UP = 6;

const RTEXT_FILTER_SKIP_STATS = 8;

/** The head of every message about a link. */
export const ifinfomsg = /* @__PURE__ */ struct("ifinfomsg", {
  family: u8,
  pad: u8,
  type: u16,
  index: s32,
  flags: u32,
  change: u32,
});

interface LinkRequest {
  readonly header?: ValueOf<typeof ifinfomsg>;
  readonly attributes?: LinkAttributes;
}

/** The other end of a veth pair: a whole link message again. */
const peer: Recursive<LinkRequest> = /* @__PURE__ */ recursive();

const veth = /* @__PURE__ */ attributes({
  peer: attr(1, "VETH_INFO_PEER", peer),
});

const ownInfo = /* @__PURE__ */ variant(
  {
    kind: attr(1, "IFLA_INFO_KIND", cstring),
    data: { number: 2, name: "IFLA_INFO_DATA" },
  },
  { veth, ...kinds },
);
const portInfo = /* @__PURE__ */ variant(
  {
    kind: attr(4, "IFLA_INFO_SLAVE_KIND", cstring),
    data: { number: 5, name: "IFLA_INFO_SLAVE_DATA" },
  },
  portKinds,
);

/** IFLA_LINKINFO: what kind of link it is (`own`), and what it is as another's port (`port`). */
interface LinkInfo {
  readonly own?: ValueOf<typeof ownInfo>;
  readonly port?: ValueOf<typeof portInfo>;
}

const linkInfo: Layout<LinkInfo> = /* @__PURE__ */ shared({ own: ownInfo, port: portInfo });

const stateRows = {
  address: attr(1, "IFLA_ADDRESS", bytes),
  name: attr(3, "IFLA_IFNAME", cstring),
  mtu: attr(4, "IFLA_MTU", u32),
  /** The parent, or the other end of a veth pair: an index in namespace `linkNetnsid`. */
  link: attr(5, "IFLA_LINK", s32),
  operationalState: attr(16, "IFLA_OPERSTATE", u8),
};

const linkRows = {
  ...stateRows,
  master: attr(10, "IFLA_MASTER", u32),
  queueLength: attr(13, "IFLA_TXQLEN", u32),
  linkInfo: attr(18, "IFLA_LINKINFO", linkInfo),
  netnsPid: attr(19, "IFLA_NET_NS_PID", u32),
  alias: attr(20, "IFLA_IFALIAS", text),
  netnsFd: attr(28, "IFLA_NET_NS_FD", u32),
  extMask: attr(29, "IFLA_EXT_MASK", u32),
  promiscuity: attr(30, "IFLA_PROMISCUITY", u32),
  linkNetnsid: attr(37, "IFLA_LINK_NETNSID", s32),
  alternativeName: attr(53, "IFLA_ALT_IFNAME", cstring),
};

const linkAttributes = /* @__PURE__ */ attributes(linkRows);

/** One link, as RTM_NEWLINK carries it in both directions. */
export const linkMessage = /* @__PURE__ */ resolved(
  peer,
  /* @__PURE__ */ message(ifinfomsg, linkAttributes),
);

/** Settings of IPv4 are counted from 1 (linux/ip.h), those of IPv6 from 0 (linux/ipv6.h). */
const IPV4_DEVCONF_ROUTE_LOCALNET = 26;
const DEVCONF_ACCEPT_RA = 3;

const settingsByFamily = /* @__PURE__ */ attributes({
  ipv4: attr(
    2,
    "AF_INET",
    /* @__PURE__ */ attributes({
      routeLocalnet: attr(
        1,
        "IFLA_INET_CONF",
        /* @__PURE__ */ element(IPV4_DEVCONF_ROUTE_LOCALNET - 1, u32),
      ),
    }),
  ),
  ipv6: attr(
    10,
    "AF_INET6",
    /* @__PURE__ */ attributes({
      acceptRa: attr(2, "IFLA_INET6_CONF", /* @__PURE__ */ element(DEVCONF_ACCEPT_RA, u32)),
    }),
  ),
});

/** The same message as the kernel answers it for one link, with its sysctls of IPv4 and IPv6. */
export const wholeLinkMessage = /* @__PURE__ */ message(
  ifinfomsg,
  /* @__PURE__ */ attributes({
    ...linkRows,
    settings: attr(26, "IFLA_AF_SPEC", settingsByFamily),
  }),
);

/** The same message where only a link's state is of interest: the rest is not decoded. */
export const linkStateMessage = /* @__PURE__ */ message(
  ifinfomsg,
  /* @__PURE__ */ attributes(stateRows),
);

/** What a request may say of a link. */
export type LinkAttributes = ValueOf<typeof linkAttributes>;

/** A name that is longer than a link's own can only be one of its others (`ip link property`). */
function named(name: string): LinkAttributes {
  return name.length < IFNAMSIZ ? { name } : { alternativeName: name };
}

/** Asks for a link by name or index. */
export function getLink(link: string | number): Request {
  return request({
    what: `find link ${typeof link === "string" ? `"${link}"` : link}`,
    type: RTM_GETLINK,
    codec: linkMessage,
    value: {
      header: { index: typeof link === "number" ? link : 0 },
      attributes: {
        ...(typeof link === "string" ? named(link) : {}),
        extMask: RTEXT_FILTER_SKIP_STATS,
      },
    },
  });
}

/** Asks for every link, or for the ports of one bridge. */
export function listLinks(filter: { readonly master?: number } = {}): Request {
  return request({
    what: "list links",
    type: RTM_GETLINK,
    codec: linkMessage,
    value: { header: {}, attributes: { extMask: RTEXT_FILTER_SKIP_STATS, ...filter } },
  });
}

/** Makes a link; EEXIST if its name is taken. `index` 0 leaves its index to the kernel. */
export function newLink(what: string, attributes: LinkAttributes, index = 0): Request {
  return request({
    what,
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    codec: linkMessage,
    value: { header: { index }, attributes },
  });
}

/** What a link is to become: flags on and off, and attributes. */
export interface LinkChange {
  readonly set?: number;
  readonly clear?: number;
  readonly attributes?: LinkAttributes;
}

/** Changes a link named by index, or by name in the same datagram that makes it. */
export function changeLink(what: string, link: number | string, change: LinkChange): Request {
  const flags = change.set ?? 0;
  return request({
    what,
    type: RTM_NEWLINK,
    codec: linkMessage,
    value: {
      header: {
        index: typeof link === "number" ? link : 0,
        flags,
        change: flags | (change.clear ?? 0),
      },
      attributes: {
        ...(typeof link === "string" ? { name: link } : {}),
        ...change.attributes,
      },
    },
  });
}

/** Deletes a link by index: a name may be another link's by now. */
export function delLink(what: string, index: number): Request {
  return request({
    what,
    type: RTM_DELLINK,
    codec: linkMessage,
    value: { header: { index }, attributes: {} },
  });
}

/** Settings of IPv4 for a link: those of net.ipv4.conf, by their numbers in linux/ip.h. */
const ipv4Settings = /* @__PURE__ */ attributes({
  arpNotify: attr(22, "IPV4_DEVCONF_ARP_NOTIFY", u32),
});

const linkSettingsMessage = /* @__PURE__ */ message(
  ifinfomsg,
  /* @__PURE__ */ attributes({
    byFamily: attr(
      26,
      "IFLA_AF_SPEC",
      /* @__PURE__ */ attributes({
        ipv4: attr(
          2,
          "AF_INET",
          /* @__PURE__ */ attributes({ settings: attr(1, "IFLA_INET_CONF", ipv4Settings) }),
        ),
      }),
    ),
  }),
);

/** Lets the kernel announce a link's IPv4 addresses: the sysctl arp_notify. */
export function announceWhenUp(link: { readonly index: number; readonly name: string }): Request {
  return request({
    what: `let "${link.name}" announce itself`,
    type: RTM_SETLINK,
    codec: linkSettingsMessage,
    value: {
      header: { index: link.index },
      attributes: { byFamily: { ipv4: { settings: { arpNotify: 1 } } } },
    },
  });
}
