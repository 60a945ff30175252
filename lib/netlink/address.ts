/** Interface addresses: what `ip address` reads and writes. Layout from linux/if_addr.h. */

import { attr, attributes } from "../bytes/attributes.ts";
import type { ReadOf } from "../bytes/layout.ts";
import { ip, u8, u32 } from "../bytes/scalar.ts";
import { message, struct } from "../bytes/struct.ts";
import { family } from "../ip/address.ts";
import { type Cidr, formatCidr, lastAddress } from "../ip/cidr.ts";
import { NLM_F_CREATE, NLM_F_EXCL, type Request, request } from "./message.ts";

export const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;

/** Multicast groups that announce every change of an address. */
export const RTNLGRP_IPV4_IFADDR = 5;
export const RTNLGRP_IPV6_IFADDR = 9;

export const AF_INET = 2;
export const AF_INET6 = 10;

export const IFA_F_NODAD = 0x02;
export const IFA_F_DADFAILED = 0x08;
export const IFA_F_TENTATIVE = 0x40;
export const IFA_F_NOPREFIXROUTE = 0x200;

const ifaddrmsg = /* @__PURE__ */ struct("ifaddrmsg", {
  family: u8,
  prefixLength: u8,
  flags: u8,
  scope: u8,
  index: u32,
});

/** One address of a link. */
export const addressMessage = /* @__PURE__ */ message(
  ifaddrmsg,
  /* @__PURE__ */ attributes({
    address: attr(1, "IFA_ADDRESS", ip),
    local: attr(2, "IFA_LOCAL", ip),
    broadcast: attr(4, "IFA_BROADCAST", ip),
    flags: attr(8, "IFA_FLAGS", u32),
  }),
);

/** The kernel's number for an address's family. */
export function familyNumber(address: Uint8Array): number {
  return family(address) === 4 ? AF_INET : AF_INET6;
}

interface Target {
  readonly index: number;
  readonly name: string;
}

/** Adds an address; EEXIST if the link has it. `flags` are IFA_F_* beyond the kernel's own. */
export function newAddress(link: Target, cidr: Cidr, flags: number): Request {
  const { address, prefixLength } = cidr;
  const withBroadcast = family(address) === 4 && prefixLength < 31;
  return request({
    what: () => `add address ${formatCidr(cidr)} to "${link.name}"`,
    type: RTM_NEWADDR,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    codec: addressMessage,
    value: {
      header: { family: familyNumber(address), prefixLength, index: link.index },
      attributes: {
        local: address,
        address,
        ...(withBroadcast ? { broadcast: lastAddress(cidr) } : {}),
        ...(flags ? { flags } : {}),
      },
    },
  });
}

/** An address as the kernel told it. */
export type AddressMessage = ReadOf<typeof addressMessage>;

/** Adds an address that was there, whichever index its link has by now. */
export function addAgain({ index, name }: Target, { header, attributes }: AddressMessage): Request {
  return request({
    what: `add an address to "${name}" again`,
    type: RTM_NEWADDR,
    flags: NLM_F_CREATE,
    codec: addressMessage,
    value: { header: { ...header, index }, attributes },
  });
}

/** Deletes an address; EADDRNOTAVAIL if the link does not have it. */
export function delAddress(link: Target, cidr: Cidr): Request {
  const { address, prefixLength } = cidr;
  return request({
    what: () => `delete address ${formatCidr(cidr)} of "${link.name}"`,
    type: RTM_DELADDR,
    codec: addressMessage,
    value: {
      header: { family: familyNumber(address), prefixLength, index: link.index },
      attributes: { local: address, address },
    },
  });
}

/** Asks for the addresses of one link, both families. */
export function listAddresses(link: Target): Request {
  return request({
    what: `list addresses of "${link.name}"`,
    type: RTM_GETADDR,
    codec: addressMessage,
    value: { header: { index: link.index } },
  });
}

/** Asks for the addresses of all links, both families. */
export function listAllAddresses(): Request {
  const value = { header: {} };
  return request({ what: "list addresses", type: RTM_GETADDR, codec: addressMessage, value });
}
