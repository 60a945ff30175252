/**
 * Numbers by which a network namespace knows others: what `ip netns list-id` reads. Layout from
 * linux/net_namespace.h.
 */

import { attr, attributes } from "../bytes/attributes.ts";
import { s32, u32 } from "../bytes/scalar.ts";
import { message, struct } from "../bytes/struct.ts";
import { type Request, request } from "./message.ts";

const RTM_NEWNSID = 88;
export const RTM_DELNSID = 89;
const RTM_GETNSID = 90;

/** Multicast group that announces when a number is given, and when its namespace is gone. */
export const RTNLGRP_NSID = 28;

/** What a namespace without a number has, and how one is asked for. */
const NOT_ASSIGNED = -1;

/** struct rtgenmsg, filled up to where attributes may begin. */
const rtgenmsg = /* @__PURE__ */ struct("rtgenmsg", { family: u32 });

/** The number of a namespace, which a request names by a descriptor. */
export const nsidMessage = /* @__PURE__ */ message(
  rtgenmsg,
  /* @__PURE__ */ attributes({
    nsid: attr(1, "NETNSA_NSID", s32),
    fd: attr(3, "NETNSA_FD", u32),
  }),
);

/** Asks for the number of a namespace: -1 if it has none. */
export function getNsid(fd: number): Request {
  return request({
    what: "find the number of a network namespace",
    type: RTM_GETNSID,
    codec: nsidMessage,
    value: { header: {}, attributes: { fd } },
  });
}

/** Gives a namespace a number that is free; EEXIST if it has one. */
export function newNsid(fd: number): Request {
  return request({
    what: "number a network namespace",
    type: RTM_NEWNSID,
    codec: nsidMessage,
    value: { header: {}, attributes: { nsid: NOT_ASSIGNED, fd } },
  });
}
