/** Sockets of a network namespace: what `ss` lists. Layouts from linux/inet_diag.h and sock_diag.h. */

import { attr, attributes } from "../bytes/attributes.ts";
import { block, u8, u16be, u32 } from "../bytes/scalar.ts";
import { message, struct } from "../bytes/struct.ts";
import { AF_INET, AF_INET6 } from "./address.ts";
import { type Request, request } from "./message.ts";

export const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;

/** net/tcp_states.h: sockets of UDP that are bound, but to no peer, are closed. */
const TCP_CLOSE = 7;
const TCP_LISTEN = 10;

/** struct inet_diag_sockid. */
const ends = {
  sourcePort: u16be,
  destinationPort: u16be,
  source: block(16),
  destination: block(16),
  index: u32,
  cookie: block(8),
};

const question = /* @__PURE__ */ struct("inet_diag_req_v2", {
  family: u8,
  protocol: u8,
  extensions: u8,
  pad: u8,
  states: u32,
  ...ends,
});

const questionMessage = /* @__PURE__ */ message(question, /* @__PURE__ */ attributes({}));

const answer = /* @__PURE__ */ struct("inet_diag_msg", {
  family: u8,
  state: u8,
  timer: u8,
  retransmits: u8,
  ...ends,
  expires: u32,
  receiveQueue: u32,
  sendQueue: u32,
  user: u32,
  inode: u32,
});

/** One socket, as the kernel lists it. */
export const socketMessage = /* @__PURE__ */ message(
  answer,
  /* @__PURE__ */ attributes({ only6: attr(11, "INET_DIAG_SKV6ONLY", u8) }),
);

/** Which sockets are meant: those that take what comes from anybody, at this port or at any (0). */
export interface SocketFilter {
  readonly family: 4 | 6;
  /** Its number, linux/in.h. */
  readonly protocol: number;
  readonly port: number;
}

/** Asks for sockets that listen; the kernel picks those of one port. */
export function listListeners({ family, protocol, port }: SocketFilter): Request {
  return request({
    what: "list sockets that listen",
    type: SOCK_DIAG_BY_FAMILY,
    codec: questionMessage,
    value: {
      header: {
        family: family === 4 ? AF_INET : AF_INET6,
        protocol,
        states: (1 << TCP_LISTEN) | (1 << TCP_CLOSE),
        sourcePort: port,
      },
    },
  });
}
