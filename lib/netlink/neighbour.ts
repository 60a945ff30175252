/** Neighbours and fdb entries: what `ip neigh` and `bridge fdb` read and write (linux/neighbour.h). */

import { attr, attributes } from "../bytes/attributes.ts";
import { read, type Span, write } from "../bytes/layout.ts";
import { pack } from "../bytes/packed.ts";
import { bytes, ip, s32, u8, u16, u32 } from "../bytes/scalar.ts";
import { message, packedMessage, struct } from "../bytes/struct.ts";
import { formatAddress, type IpAddress } from "../ip/address.ts";
import { formatMac, type Mac } from "../ip/mac.ts";
import { familyNumber } from "./address.ts";
import { AF_BRIDGE } from "./link.ts";
import { NLM_F_CREATE, NLM_F_REPLACE, type Request, request } from "./message.ts";

export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
const RTM_GETNEIGH = 30;

/** Multicast group that announces every change of a neighbour or fdb entry. */
export const RTNLGRP_NEIGH = 3;

const NUD_NOARP = 0x40;
export const NUD_PERMANENT = 0x80;
const NTF_SELF = 2;

const ndmsg = /* @__PURE__ */ struct("ndmsg", {
  family: u8,
  pad1: u8,
  pad2: u16,
  index: s32,
  state: u16,
  flags: u8,
  type: u8,
});

const rows = {
  /** The neighbour's address; of an fdb entry the host behind which the MAC is. */
  destination: attr(1, "NDA_DST", ip),
  mac: attr(2, "NDA_LLADDR", bytes),
  index: attr(8, "NDA_IFINDEX", u32),
};

/** One neighbour (of family AF_INET or AF_INET6) or fdb entry (AF_BRIDGE). */
export const neighbourMessage = /* @__PURE__ */ message(ndmsg, /* @__PURE__ */ attributes(rows));

/** The same as a packed text: family, link, state; MAC and address, each behind its length. */
export const packedNeighbour = /* @__PURE__ */ packedMessage(
  ndmsg,
  ["family", "index", "state"],
  [rows.mac, rows.destination],
);

/** What the packed texts of a link's neighbours begin with, before their state. */
export function packedHead(family: number, { index }: On): string {
  return pack([family]) + pack(write(s32, index));
}

/** What an event says of a neighbour or an fdb entry; missing parts are empty. */
export interface FoundPair extends Pair {
  readonly family: number;
  readonly index: number;
  readonly state: number;
}

/** Reads an event's body. */
export function pairIn(body: Span): FoundPair {
  const { header, attributes } = read(neighbourMessage, body);
  const { family, index, state } = header;
  const { destination = none, mac = none } = attributes;
  return { family, index, state, address: destination, mac };
}

const none = new Uint8Array();

interface On {
  readonly index: number;
  readonly name: string;
}

/** An address and the MAC that stands for it. */
export interface Pair {
  readonly address: IpAddress;
  readonly mac: Mac;
}

function neighbour(link: On, { address, mac }: Pair) {
  const header = { family: familyNumber(address), index: link.index, state: NUD_PERMANENT };
  return { header, attributes: { destination: address, mac } };
}

function fdbEntry(link: On, { address, mac }: Pair) {
  const header = {
    family: AF_BRIDGE,
    index: link.index,
    state: NUD_NOARP | NUD_PERMANENT,
    flags: NTF_SELF,
  };
  return { header, attributes: { destination: address, mac } };
}

const setting = {
  codec: neighbourMessage,
  type: RTM_NEWNEIGH,
  flags: NLM_F_CREATE | NLM_F_REPLACE,
};
const erase = { codec: neighbourMessage, type: RTM_DELNEIGH };

function inWords(action: string, link: On, { address, mac }: Pair): string {
  return `${action} ${formatAddress(address)} ${formatMac(mac)} of "${link.name}"`;
}

/** A permanent neighbour; it takes the place of another for the same address. */
export function setNeighbour(link: On, pair: Pair): Request {
  return request({
    what: () => inWords("set neighbour", link, pair),
    ...setting,
    value: neighbour(link, pair),
  });
}

/** Deletes a neighbour; ENOENT if there is none. */
export function delNeighbour(link: On, pair: Pair): Request {
  return request({
    what: () => inWords("delete neighbour", link, pair),
    ...erase,
    value: neighbour(link, pair),
  });
}

/** Frames for a MAC go to a host; it takes the place of another host for the same MAC. */
export function setFdbEntry(link: On, pair: Pair): Request {
  return request({
    what: () => inWords("set fdb entry", link, pair),
    ...setting,
    value: fdbEntry(link, pair),
  });
}

/** Deletes an fdb entry; ENOENT if there is none. */
export function delFdbEntry(link: On, pair: Pair): Request {
  return request({
    what: () => inWords("delete fdb entry", link, pair),
    ...erase,
    value: fdbEntry(link, pair),
  });
}

/** Asks for the neighbours of a link, or, with AF_BRIDGE, for its fdb entries. */
export function listNeighbours(link: On, family: number): Request {
  return request({
    what: `list neighbours of "${link.name}"`,
    type: RTM_GETNEIGH,
    codec: neighbourMessage,
    value: { header: { family }, attributes: { index: link.index } },
  });
}
