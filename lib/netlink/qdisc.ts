/**
 * Queueing disciplines, classes and filters: what `tc` reads and writes. Layouts from
 * linux/pkt_sched.h, linux/pkt_cls.h and linux/tc_act/tc_mirred.h.
 */

import { bytes, type Codec, cstring, s32, u8, u16, u16be, u32, u32be } from "../bytes/codec.ts";
import { attr, attributes, list, message, struct } from "../bytes/struct.ts";
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, type Request, request } from "./message.ts";

const RTM_NEWQDISC = 36;
const RTM_DELQDISC = 37;
const RTM_GETQDISC = 38;
const RTM_NEWTCLASS = 40;
const RTM_NEWTFILTER = 44;
const RTM_DELTFILTER = 45;
const RTM_GETTFILTER = 46;
const NLM_F_ECHO = 8;

/** Where a qdisc hangs: at a link's output, or at its input (linux/pkt_sched.h). */
export const TC_H_ROOT = 0xffffffff;
export const TC_H_INGRESS = 0xfffffff1;
/** The input hook as the parent of filters, whether the qdisc is `ingress` or `clsact`. */
export const TC_H_INPUT = 0xfffffff2;

/** linux/if_ether.h */
export const ETH_P_ALL = 3;
export const ETH_P_IP = 0x0800;
export const ETH_P_IPV6 = 0x86dd;

const TC_U32_TERMINAL = 1;
const TC_ACT_STOLEN = 4;
const TCA_EGRESS_REDIR = 1;

const tcmsg = /* @__PURE__ */ struct("tcmsg", {
  family: u8,
  pad1: u8,
  pad2: u16,
  index: s32,
  handle: u32,
  parent: u32,
  info: u32,
});

const ratespec = /* @__PURE__ */ struct("tc_ratespec", {
  cellLog: u8,
  linklayer: u8,
  overhead: u16,
  cellAlign: u16,
  mpu: u16,
  rate: u32,
});

/** A 64-bit number in the byte order of the machine that fits a double exactly. */
const u64: Codec<number> = {
  size: 8,
  write(out, value) {
    out.u32(value % 2 ** 32);
    out.u32(Math.floor(value / 2 ** 32));
  },
  read: (input) => input.u32() + input.u32() * 2 ** 32,
};

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

const mirred = /* @__PURE__ */ attributes({
  parameters: attr(
    2,
    "TCA_MIRRED_PARMS",
    /* @__PURE__ */ struct("tc_mirred", {
      index: u32,
      capabilities: u32,
      action: s32,
      references: s32,
      bindings: s32,
      direction: s32,
      link: u32,
    }),
  ),
});

/** A qdisc, class, filter or action: its kind, and what that kind says. */
type Kinds = { readonly [kind: string]: Codec<unknown> };

/** Two attributes, a kind and its options, whose layout the kind decides. */
function kindAndOptions<T>(kinds: Kinds, own: { readonly options: number }): Codec<T> {
  const table = (options: Codec<unknown>) =>
    attributes({ kind: attr(1, "KIND", cstring), options: attr(own.options, "OPTIONS", options) });
  const tables = new Map(Object.entries(kinds).map(([kind, codec]) => [kind, table(codec)]));
  const plain = table(bytes);
  return {
    size: 0,
    nested: true,
    write(out, value) {
      const { kind, ...rest } = value as { readonly kind?: string; readonly options?: unknown };
      const codec: Codec<object> = tables.get(kind ?? "") ?? plain;
      codec.write(out, kind === undefined ? rest : { kind, ...rest });
    },
    read(input) {
      const start = input.at;
      const { kind = "" } = plain.read(input);
      input.at = start;
      return (tables.get(kind) ?? plain).read(input) as T;
    },
  };
}

/** What a filter does with a packet that it matches. */
type Action = { readonly kind: "mirred"; readonly options?: AttributesIn<typeof mirred> };
type AttributesIn<C> = C extends Codec<infer T> ? T : never;

const action = /* @__PURE__ */ kindAndOptions<Action>({ mirred }, { options: 2 });

/** struct tc_u32_key: four bytes at an offset from the network header, under a mask. */
const u32Key = /* @__PURE__ */ struct("tc_u32_key", {
  mask: u32be,
  value: u32be,
  offset: s32,
  offsetMask: s32,
});
const u32Head = /* @__PURE__ */ struct("tc_u32_sel", {
  flags: u8,
  offsetShift: u8,
  keyCount: u8,
  pad: u8,
  offsetMask: u16be,
  offset: u16,
  variableOffset: u16,
  hashOffset: u16,
  hashMask: u32be,
});

type U32Key = AttributesIn<typeof u32Key>;

const selector: Codec<{ readonly flags: number; readonly keys: readonly U32Key[] }> = {
  size: 0,
  write(out, { flags, keys }) {
    u32Head.write(out, { flags, keyCount: keys.length });
    for (const key of keys) u32Key.write(out, key);
  },
  read(input) {
    const { flags, keyCount } = u32Head.read(input);
    return { flags, keys: Array.from({ length: keyCount }, () => u32Key.read(input)) };
  },
};

const u32Filter = /* @__PURE__ */ attributes({
  classId: attr(1, "TCA_U32_CLASSID", u32),
  selector: attr(5, "TCA_U32_SEL", selector),
  actions: attr(7, "TCA_U32_ACT", /* @__PURE__ */ list(attr(1, "1", action))),
});

type Qdisc =
  | { readonly kind: "tbf"; readonly options?: AttributesIn<typeof tbf> }
  | { readonly kind: "htb"; readonly options?: AttributesIn<typeof htb> }
  | { readonly kind?: string; readonly options?: undefined };
type Filter = { readonly kind: "u32"; readonly options?: AttributesIn<typeof u32Filter> };

/** One qdisc or class. */
export const qdiscMessage = /* @__PURE__ */ message(
  tcmsg,
  /* @__PURE__ */ kindAndOptions<Qdisc>({ tbf, htb }, { options: 2 }),
);

/** One filter; `info` of its header holds priority and protocol. */
export const filterMessage = /* @__PURE__ */ message(
  tcmsg,
  /* @__PURE__ */ kindAndOptions<Filter>({ u32: u32Filter }, { options: 2 }),
);

/** The link that a qdisc is on. */
interface On {
  readonly index: number;
  readonly name: string;
}

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
    value: { header: { index: link.index, parent, handle }, attributes: {} },
  });
}

/** Asks for the qdisc below a parent. */
export function getQdisc(link: On, parent: number): Request {
  return request({
    what: `find the qdisc of "${link.name}"`,
    type: RTM_GETQDISC,
    flags: NLM_F_ECHO,
    codec: qdiscMessage,
    value: { header: { index: link.index, parent }, attributes: {} },
  });
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
export function bucketTicks({ rate, burst }: Bucket): number {
  return Math.floor((burst * 1e9) / rate / TICK) % U32;
}

/** A token bucket filter. The burst is given in bytes: in ticks it could overflow. */
export function tokenBucket(bucket: Bucket): Qdisc {
  const { rate, burst, limit } = bucket;
  return {
    kind: "tbf",
    options: {
      parameters: { rate: { rate: rate % U32 }, limit, buffer: bucketTicks(bucket) },
      ...(rate >= U32 ? { rate64: rate } : {}),
      burst,
    },
  };
}

/** A classful qdisc that lets everything pass at once: only its leaves shape. */
export function classfulQdisc(defaultClass: number): Qdisc {
  return { kind: "htb", options: { init: { version: 3, rateToQuantum: 10, defaultClass } } };
}

/** A class of it: its rate, 32 Gbit/s, is what 32 bits hold. */
export function openClass(): Qdisc {
  const rate = { rate: U32 - 1 };
  return {
    kind: "htb",
    options: {
      parameters: { rate, ceil: rate, buffer: U32 - 1, cbuffer: U32 - 1, quantum: 60000 },
    },
  };
}

/** Which packets a filter is for, and in which order it is asked. */
export interface FilterSpec {
  readonly parent: number;
  readonly priority: number;
  readonly protocol: number;
  readonly keys: readonly U32Key[];
}

/**
 * Where a filtered packet goes: out of another link, or into a class. At a link's input a class
 * means that the packet passes: no later filter is asked.
 */
export type Target = { readonly redirect: number } | { readonly classId: number };

/** Matches every packet. */
export const anyPacket: readonly U32Key[] = [{}];

/** Adds a filter; EEXIST if its priority is taken by one of another kind or protocol. */
export function newFilter(link: On, spec: FilterSpec, target: Target): Request {
  return request({
    what: `add a filter to "${link.name}"`,
    type: RTM_NEWTFILTER,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    codec: filterMessage,
    value: {
      header: { index: link.index, parent: spec.parent, info: filterInfo(spec) },
      attributes: {
        kind: "u32",
        options: {
          ...("classId" in target ? target : {}),
          selector: { flags: TC_U32_TERMINAL, keys: spec.keys },
          ...("redirect" in target ? { actions: [redirectTo(target.redirect)] } : {}),
        },
      },
    },
  });
}

function redirectTo(link: number): Action {
  const parameters = { action: TC_ACT_STOLEN, direction: TCA_EGRESS_REDIR, link };
  return { kind: "mirred", options: { parameters } };
}

/** Priority in the upper half, protocol in network byte order in the lower. */
function filterInfo({ priority, protocol }: Omit<FilterSpec, "keys" | "parent">): number {
  return priority * 0x10000 + (((protocol & 0xff) << 8) | (protocol >> 8));
}

/** Deletes all filters of one priority and protocol below a parent. */
export function delFilters(link: On, spec: Omit<FilterSpec, "keys">): Request {
  return request({
    what: `delete filters of "${link.name}"`,
    type: RTM_DELTFILTER,
    codec: filterMessage,
    value: {
      header: { index: link.index, parent: spec.parent, info: filterInfo(spec) },
      attributes: { kind: "u32" },
    },
  });
}

/** Asks for all filters below a parent. */
export function listFilters(link: On, parent: number): Request {
  return request({
    what: `list the filters of "${link.name}"`,
    type: RTM_GETTFILTER,
    codec: filterMessage,
    value: { header: { index: link.index, parent }, attributes: { kind: "u32" } },
  });
}

/** Where a listed filter sends what it matches: the index of a link, if it redirects. */
export function redirectOf(filter: Filter): number | undefined {
  return filter.options?.actions?.flatMap(({ kind, options }) =>
    kind === "mirred" ? (options?.parameters?.link ?? []) : [],
  )[0];
}
