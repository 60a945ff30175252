/**
 * Queueing disciplines and classes: what `tc qdisc` and `tc class` read and write. Layouts from
 * linux/pkt_sched.h.
 */

import { attr, attributes } from "../bytes/attributes.ts";
import type { ValueOf } from "../bytes/layout.ts";
import { bytes, u8, u16, u32, u64 } from "../bytes/scalar.ts";
import { message, struct } from "../bytes/struct.ts";
import { variant } from "../bytes/variant.ts";
import { NLM_F_CREATE, NLM_F_REPLACE, type Request, request } from "./message.ts";
import { kindAndOptions, type On, tcmsg } from "./tc.ts";

const RTM_NEWQDISC = 36;
const RTM_DELQDISC = 37;
const RTM_GETQDISC = 38;
const RTM_NEWTCLASS = 40;
const NLM_F_ECHO = 8;

/** Where a qdisc hangs: at a link's output, or at its input (linux/pkt_sched.h). */
export const TC_H_ROOT = 0xffffffff;
export const TC_H_INGRESS = 0xfffffff1;

const ratespec = /* @__PURE__ */ struct("tc_ratespec", {
  cellLog: u8,
  linklayer: u8,
  overhead: u16,
  cellAlign: u16,
  mpu: u16,
  rate: u32,
});

const tbf = /* @__PURE__ */ attributes({
  parameters: attr(
    1,
    "TCA_TBF_PARMS",
    /* @__PURE__ */ struct("tc_tbf_qopt", {
      rate: ratespec,
      peakRate: ratespec,
      limit: u32,
      buffer: u32,
      mtu: u32,
    }),
  ),
  rateTable: attr(2, "TCA_TBF_RTAB", bytes),
  rate64: attr(4, "TCA_TBF_RATE64", u64),
  burst: attr(6, "TCA_TBF_BURST", u32),
});

const htb = /* @__PURE__ */ attributes({
  /** Of a class. */
  parameters: attr(
    1,
    "TCA_HTB_PARMS",
    /* @__PURE__ */ struct("tc_htb_opt", {
      rate: ratespec,
      ceil: ratespec,
      buffer: u32,
      cbuffer: u32,
      quantum: u32,
      level: u32,
      priority: u32,
    }),
  ),
  /** Of the qdisc. */
  init: attr(
    2,
    "TCA_HTB_INIT",
    /* @__PURE__ */ struct("tc_htb_glob", {
      version: u32,
      rateToQuantum: u32,
      defaultClass: u32,
      debug: u32,
      directPackets: u32,
    }),
  ),
  rate64: attr(6, "TCA_HTB_RATE64", u64),
  ceil64: attr(7, "TCA_HTB_CEIL64", u64),
});

const qdisc = /* @__PURE__ */ variant(kindAndOptions, { tbf, htb });

type Qdisc = ValueOf<typeof qdisc>;

/** One qdisc or class. */
export const qdiscMessage = /* @__PURE__ */ message(tcmsg, qdisc);

/** Where a qdisc is: below which parent, under which handle (0 leaves it to the kernel). */
export interface Place {
  readonly parent: number;
  readonly handle?: number;
}

/** Makes a qdisc; one that is in the place is replaced. */
export function replaceQdisc(link: On, { parent, handle = 0 }: Place, qdisc: Qdisc): Request {
  return request({
    what: `set qdisc ${qdisc.kind} on "${link.name}"`,
    type: RTM_NEWQDISC,
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    codec: qdiscMessage,
    value: { header: { index: link.index, parent, handle }, attributes: qdisc },
  });
}

/** Makes a class of an htb qdisc. */
export function newClass(link: On, { parent, handle = 0 }: Place, qdisc: Qdisc): Request {
  return request({
    what: `add class ${qdisc.kind} to "${link.name}"`,
    type: RTM_NEWTCLASS,
    flags: NLM_F_CREATE,
    codec: qdiscMessage,
    value: { header: { index: link.index, parent, handle }, attributes: qdisc },
  });
}

/** Deletes the qdisc at a place, and all below it; ENOENT or EINVAL if there is none. */
export function delQdisc(link: On, { parent, handle = 0 }: Place): Request {
  return request({
    what: `delete a qdisc of "${link.name}"`,
    type: RTM_DELQDISC,
    codec: qdiscMessage,
    value: { header: { index: link.index, parent, handle } },
  });
}

/** Asks for the qdisc below a parent. */
export function getQdisc(link: On, parent: number): Request {
  return request({
    what: `find the qdisc of "${link.name}"`,
    type: RTM_GETQDISC,
    flags: NLM_F_ECHO,
    codec: qdiscMessage,
    value: { header: { index: link.index, parent } },
  });
}

/** Asks for the qdiscs of all links. */
export function listQdiscs(): Request {
  const value = { header: {} };
  return request({ what: "list qdiscs", type: RTM_GETQDISC, codec: qdiscMessage, value });
}

/** A token bucket: bytes per second, and bytes. */
export interface Bucket {
  readonly rate: number;
  readonly burst: number;
  /** Bytes that may wait, those of the burst included. */
  readonly limit: number;
}

/** linux/pkt_sched.h: PSCHED_SHIFT; a tick is 64 ns. */
const TICK = 64;
const U32 = 2 ** 32;

/** The ticks that a burst lasts at its rate, as the kernel shows them: the lower 32 bits. */
export function bucketTicks(bucket: Bucket): number {
  return allTicks(bucket) % U32;
}

function allTicks({ rate, burst }: Bucket): number {
  return Math.floor((burst * 1e9) / rate / TICK);
}

/** True if the kernel shows these ticks for a bucket: it reckons with a rounded reciprocal. */
export function isBucketsBuffer(bucket: Bucket, buffer: number): boolean {
  const difference = Math.abs(buffer - bucketTicks(bucket));
  return Math.min(difference, U32 - difference) <= 2 + Math.min(allTicks(bucket), U32) / 1000;
}

/** A token bucket filter. The burst is given in bytes: in ticks it could overflow. */
export function tokenBucket(bucket: Bucket): Qdisc {
  const { rate, burst, limit } = bucket;
  return {
    kind: "tbf",
    data: {
      parameters: { rate: { rate: rate % U32 }, limit, buffer: bucketTicks(bucket) },
      ...(rate >= U32 ? { rate64: rate } : {}),
      burst,
    },
  };
}

/** A classful qdisc that lets everything pass at once: only its leaves shape. */
export function classfulQdisc(defaultClass: number): Qdisc {
  return { kind: "htb", data: { init: { version: 3, rateToQuantum: 10, defaultClass } } };
}

/** A class of it: its rate, 32 Gbit/s, is what 32 bits hold. */
export function openClass(): Qdisc {
  const rate = { rate: U32 - 1 };
  return {
    kind: "htb",
    data: {
      parameters: { rate, ceil: rate, buffer: U32 - 1, cbuffer: U32 - 1, quantum: 60000 },
    },
  };
}
