/**
 * Filters and their actions: what `tc filter` reads and writes. Layouts from linux/pkt_cls.h and
 * linux/tc_act/tc_mirred.h.
 */

import { counted } from "../bytes/array.ts";
import { attr, attributes, list } from "../bytes/attributes.ts";
import type { ValueOf } from "../bytes/layout.ts";
import { s32, u8, u16, u16be, u32, u32be } from "../bytes/scalar.ts";
import { message, struct } from "../bytes/struct.ts";
import { variant } from "../bytes/variant.ts";
import { NLM_F_CREATE, NLM_F_EXCL, type Request, request } from "./message.ts";
import { kindAndOptions, type On, tcmsg } from "./tc.ts";

const RTM_NEWTFILTER = 44;
const RTM_DELTFILTER = 45;
const RTM_GETTFILTER = 46;

/** The input hook as the parent of filters, whether the qdisc is `ingress` or `clsact`. */
export const TC_H_INPUT = 0xfffffff2;

const TC_U32_TERMINAL = 1;
const TC_ACT_STOLEN = 4;
const TCA_EGRESS_REDIR = 1;

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

/** What a filter does with a packet that it matches. */
const action = /* @__PURE__ */ variant(kindAndOptions, { mirred });

type Action = ValueOf<typeof action>;

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

type U32Key = ValueOf<typeof u32Key>;

const selector = /* @__PURE__ */ counted(u32Head, "keyCount", u32Key);

const u32Filter = /* @__PURE__ */ attributes({
  classId: attr(1, "TCA_U32_CLASSID", u32),
  selector: attr(5, "TCA_U32_SEL", selector),
  actions: attr(7, "TCA_U32_ACT", /* @__PURE__ */ list(attr(1, "1", action))),
});

/** Matches whatever comes. */
const matchallFilter = /* @__PURE__ */ attributes({
  classId: attr(1, "TCA_MATCHALL_CLASSID", u32),
  actions: attr(2, "TCA_MATCHALL_ACT", /* @__PURE__ */ list(attr(1, "1", action))),
});

const filter = /* @__PURE__ */ variant(kindAndOptions, {
  u32: u32Filter,
  matchall: matchallFilter,
});

type Filter = ValueOf<typeof filter>;

/** One filter; `info` of its header holds priority and protocol. */
export const filterMessage = /* @__PURE__ */ message(tcmsg, filter);

/** Which packets a filter is for, and in which order it is asked. */
export interface FilterSpec {
  readonly parent: number;
  readonly priority: number;
  readonly protocol: number;
  /** None: whatever comes, by the filter "matchall", which not every kernel has. */
  readonly keys?: readonly U32Key[];
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
      attributes: filterOf(spec, {
        ...("classId" in target ? target : {}),
        ...("redirect" in target ? { actions: [redirectTo(target.redirect)] } : {}),
      }),
    },
  });
}

function filterOf({ keys }: FilterSpec, data: ValueOf<typeof matchallFilter>): Filter {
  if (!keys) return { kind: "matchall", data };
  return { kind: "u32", data: { selector: { flags: TC_U32_TERMINAL, items: keys }, ...data } };
}

function redirectTo(link: number): Action {
  const parameters = { action: TC_ACT_STOLEN, direction: TCA_EGRESS_REDIR, link };
  return { kind: "mirred", data: { parameters } };
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
  return filter.data?.actions?.flatMap(({ kind, data }) =>
    kind === "mirred" ? (data?.parameters?.link ?? []) : [],
  )[0];
}
