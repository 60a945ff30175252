/**
 * Filters and their actions: what `tc filter` reads and writes. Layouts from linux/pkt_cls.h and
 * linux/tc_act/tc_mirred.h.
 */

import { type Codec, s32, u8, u16, u16be, u32, u32be } from "../bytes/codec.ts";
import { attr, attributes, list, message, struct } from "../bytes/struct.ts";
import { NLM_F_CREATE, NLM_F_EXCL, type Request, request } from "./message.ts";
import { type AttributesIn, kindAndOptions, type On, tcmsg } from "./tc.ts";

const RTM_NEWTFILTER = 44;
const RTM_DELTFILTER = 45;
const RTM_GETTFILTER = 46;

/** The input hook as the parent of filters, whether the qdisc is `ingress` or `clsact`. */
export const TC_H_INPUT = 0xfffffff2;

/** linux/if_ether.h */
export const ETH_P_ALL = 3;
export const ETH_P_IP = 0x0800;
export const ETH_P_IPV6 = 0x86dd;

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
type Action = { readonly kind: "mirred"; readonly options?: AttributesIn<typeof mirred> };

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

/** Matches whatever comes. */
const matchallFilter = /* @__PURE__ */ attributes({
  classId: attr(1, "TCA_MATCHALL_CLASSID", u32),
  actions: attr(2, "TCA_MATCHALL_ACT", /* @__PURE__ */ list(attr(1, "1", action))),
});

type Filter =
  | { readonly kind: "u32"; readonly options?: AttributesIn<typeof u32Filter> }
  | { readonly kind: "matchall"; readonly options?: AttributesIn<typeof matchallFilter> };

/** One filter; `info` of its header holds priority and protocol. */
export const filterMessage = /* @__PURE__ */ message(
  tcmsg,
  /* @__PURE__ */ kindAndOptions<Filter>(
    { u32: u32Filter, matchall: matchallFilter },
    { options: 2 },
  ),
);

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

function filterOf({ keys }: FilterSpec, options: AttributesIn<typeof matchallFilter>): Filter {
  if (!keys) return { kind: "matchall", options };
  return { kind: "u32", options: { selector: { flags: TC_U32_TERMINAL, keys }, ...options } };
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
