/** The layouts of expressions, which nf_tables rules are made of: linux/netfilter/nf_tables.h. */

import { attr, attributes } from "../bytes/attributes.ts";
import type { ValueOf } from "../bytes/layout.ts";
import { bytes, cstring, u8, u32be, u64be } from "../bytes/scalar.ts";
import { variant } from "../bytes/variant.ts";

const verdict = /* @__PURE__ */ attributes({
  code: attr(1, "NFTA_VERDICT_CODE", u32be),
  chain: attr(2, "NFTA_VERDICT_CHAIN", cstring),
});

/** A value or a verdict, as expressions and set elements hold them. */
export const nftData = /* @__PURE__ */ attributes({
  value: attr(1, "NFTA_DATA_VALUE", bytes),
  verdict: attr(2, "NFTA_DATA_VERDICT", verdict),
});

const meta = /* @__PURE__ */ attributes({
  target: attr(1, "NFTA_META_DREG", u32be),
  key: attr(2, "NFTA_META_KEY", u32be),
  source: attr(3, "NFTA_META_SREG", u32be),
});

const fib = /* @__PURE__ */ attributes({
  target: attr(1, "NFTA_FIB_DREG", u32be),
  result: attr(2, "NFTA_FIB_RESULT", u32be),
  flags: attr(3, "NFTA_FIB_FLAGS", u32be),
});

const ct = /* @__PURE__ */ attributes({
  target: attr(1, "NFTA_CT_DREG", u32be),
  key: attr(2, "NFTA_CT_KEY", u32be),
  direction: attr(3, "NFTA_CT_DIRECTION", u8),
});

const nat = /* @__PURE__ */ attributes({
  type: attr(1, "NFTA_NAT_TYPE", u32be),
  family: attr(2, "NFTA_NAT_FAMILY", u32be),
  address: attr(3, "NFTA_NAT_REG_ADDR_MIN", u32be),
  port: attr(5, "NFTA_NAT_REG_PROTO_MIN", u32be),
});

const payload = /* @__PURE__ */ attributes({
  target: attr(1, "NFTA_PAYLOAD_DREG", u32be),
  base: attr(2, "NFTA_PAYLOAD_BASE", u32be),
  offset: attr(3, "NFTA_PAYLOAD_OFFSET", u32be),
  length: attr(4, "NFTA_PAYLOAD_LEN", u32be),
});

const bitwise = /* @__PURE__ */ attributes({
  source: attr(1, "NFTA_BITWISE_SREG", u32be),
  target: attr(2, "NFTA_BITWISE_DREG", u32be),
  length: attr(3, "NFTA_BITWISE_LEN", u32be),
  mask: attr(4, "NFTA_BITWISE_MASK", nftData),
  xor: attr(5, "NFTA_BITWISE_XOR", nftData),
});

const cmp = /* @__PURE__ */ attributes({
  source: attr(1, "NFTA_CMP_SREG", u32be),
  operator: attr(2, "NFTA_CMP_OP", u32be),
  data: attr(3, "NFTA_CMP_DATA", nftData),
});

const lookup = /* @__PURE__ */ attributes({
  set: attr(1, "NFTA_LOOKUP_SET", cstring),
  source: attr(2, "NFTA_LOOKUP_SREG", u32be),
  target: attr(3, "NFTA_LOOKUP_DREG", u32be),
  setId: attr(4, "NFTA_LOOKUP_SET_ID", u32be),
  flags: attr(5, "NFTA_LOOKUP_FLAGS", u32be),
});

const exthdr = /* @__PURE__ */ attributes({
  target: attr(1, "NFTA_EXTHDR_DREG", u32be),
  type: attr(2, "NFTA_EXTHDR_TYPE", u8),
  offset: attr(3, "NFTA_EXTHDR_OFFSET", u32be),
  length: attr(4, "NFTA_EXTHDR_LEN", u32be),
  flags: attr(5, "NFTA_EXTHDR_FLAGS", u32be),
});

const immediate = /* @__PURE__ */ attributes({
  target: attr(1, "NFTA_IMMEDIATE_DREG", u32be),
  data: attr(2, "NFTA_IMMEDIATE_DATA", nftData),
});

/** A match of iptables: `info` is the structure that its name stands for. */
const match = /* @__PURE__ */ attributes({
  name: attr(1, "NFTA_MATCH_NAME", cstring),
  info: attr(3, "NFTA_MATCH_INFO", bytes),
});

const counter = /* @__PURE__ */ attributes({
  bytes: attr(1, "NFTA_COUNTER_BYTES", u64be),
  packets: attr(2, "NFTA_COUNTER_PACKETS", u64be),
});

const masq = /* @__PURE__ */ attributes({ flags: attr(1, "NFTA_MASQ_FLAGS", u32be) });

/** One step of a rule; kinds that are not in the table are read without their data. */
export const expression = /* @__PURE__ */ variant(
  {
    kind: /* @__PURE__ */ attr(1, "NFTA_EXPR_NAME", cstring),
    data: { number: 2, name: "NFTA_EXPR_DATA" },
  },
  {
    meta,
    payload,
    bitwise,
    cmp,
    lookup,
    exthdr,
    immediate,
    fib,
    ct,
    nat,
    match,
    masq,
    counter,
  },
);

export type Expression = ValueOf<typeof expression>;
