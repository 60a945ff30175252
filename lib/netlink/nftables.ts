/** nf_tables: what `nft` reads and writes. Layouts from linux/netfilter/nf_tables.h. */

import { attr, attributes, list, only } from "../bytes/attributes.ts";
import type { ValueOf } from "../bytes/layout.ts";
import { parts } from "../bytes/parts.ts";
import { bytes, cstring, u32be, u64be } from "../bytes/scalar.ts";
import { message } from "../bytes/struct.ts";
import { nfgenmsg } from "./nfgenmsg.ts";
import { expression, nftData } from "./nft-layout.ts";

/** What is noted with an element: the comment that `nft` shows, and where its holder is found. */
export const notes = /* @__PURE__ */ parts({
  comment: attr(0, "NFTNL_UDATA_SET_ELEM_COMMENT", cstring),
  /** A number that is ours; `nft` passes over those it does not know. */
  holder: attr(64, "holder", cstring),
});

export type Notes = ValueOf<typeof notes>;

/** The number that every transaction of a namespace adds one to. */
export const generationMessage = /* @__PURE__ */ message(
  nfgenmsg,
  /* @__PURE__ */ attributes({ id: attr(1, "NFTA_GEN_ID", u32be) }),
);

/** What opens and closes a transaction; linux/netfilter/nfnetlink.h. */
export const batchMessage = /* @__PURE__ */ message(
  nfgenmsg,
  /* @__PURE__ */ attributes({ generation: attr(1, "NFNL_BATCH_GENID", u32be) }),
);

/** One table. */
export const tableMessage = /* @__PURE__ */ message(
  nfgenmsg,
  /* @__PURE__ */ attributes({
    name: attr(1, "NFTA_TABLE_NAME", cstring),
    flags: attr(2, "NFTA_TABLE_FLAGS", u32be),
  }),
);

const hook = /* @__PURE__ */ attributes({
  number: attr(1, "NFTA_HOOK_HOOKNUM", u32be),
  priority: attr(2, "NFTA_HOOK_PRIORITY", u32be),
});

/** One chain; `use` counts its rules and what leads to it. */
export const chainMessage = /* @__PURE__ */ message(
  nfgenmsg,
  /* @__PURE__ */ attributes({
    table: attr(1, "NFTA_CHAIN_TABLE", cstring),
    name: attr(3, "NFTA_CHAIN_NAME", cstring),
    hook: attr(4, "NFTA_CHAIN_HOOK", hook),
    policy: attr(5, "NFTA_CHAIN_POLICY", u32be),
    use: attr(6, "NFTA_CHAIN_USE", u32be),
    type: attr(7, "NFTA_CHAIN_TYPE", cstring),
  }),
);

/** One set, or map. */
export const setMessage = /* @__PURE__ */ message(
  nfgenmsg,
  /* @__PURE__ */ attributes({
    table: attr(1, "NFTA_SET_TABLE", cstring),
    name: attr(2, "NFTA_SET_NAME", cstring),
    flags: attr(3, "NFTA_SET_FLAGS", u32be),
    keyType: attr(4, "NFTA_SET_KEY_TYPE", u32be),
    keyLength: attr(5, "NFTA_SET_KEY_LEN", u32be),
    dataType: attr(6, "NFTA_SET_DATA_TYPE", u32be),
    dataLength: attr(7, "NFTA_SET_DATA_LEN", u32be),
    id: attr(10, "NFTA_SET_ID", u32be),
    userData: attr(13, "NFTA_SET_USERDATA", bytes),
  }),
);

const element = /* @__PURE__ */ attributes({
  key: attr(1, "NFTA_SET_ELEM_KEY", nftData),
  data: attr(2, "NFTA_SET_ELEM_DATA", nftData),
  notes: attr(6, "NFTA_SET_ELEM_USERDATA", notes),
});

/** Elements of one set, as requests and answers carry them. */
export const elementsMessage = /* @__PURE__ */ message(
  nfgenmsg,
  /* @__PURE__ */ attributes({
    table: attr(1, "NFTA_SET_ELEM_LIST_TABLE", cstring),
    set: attr(2, "NFTA_SET_ELEM_LIST_SET", cstring),
    elements: attr(3, "NFTA_SET_ELEM_LIST_ELEMENTS", list(attr(1, "NFTA_LIST_ELEM", element))),
    setId: attr(4, "NFTA_SET_ELEM_LIST_SET_ID", u32be),
  }),
);

const elementKey = /* @__PURE__ */ only(
  /* @__PURE__ */ attr(
    1,
    "NFTA_SET_ELEM_KEY",
    /* @__PURE__ */ only(/* @__PURE__ */ attr(1, "NFTA_DATA_VALUE", bytes)),
  ),
);
const elementKeys = /* @__PURE__ */ list(/* @__PURE__ */ attr(1, "NFTA_LIST_ELEM", elementKey));

/** The same for the keys of the elements alone: of thousands, little else costs as little. */
export const keysMessage = /* @__PURE__ */ message(
  nfgenmsg,
  /* @__PURE__ */ only(/* @__PURE__ */ attr(3, "NFTA_SET_ELEM_LIST_ELEMENTS", elementKeys)),
);

/** One rule, with the comment that tells what it is for. */
export const ruleMessage = /* @__PURE__ */ message(
  nfgenmsg,
  /* @__PURE__ */ attributes({
    table: attr(1, "NFTA_RULE_TABLE", cstring),
    chain: attr(2, "NFTA_RULE_CHAIN", cstring),
    handle: attr(3, "NFTA_RULE_HANDLE", u64be),
    expressions: attr(4, "NFTA_RULE_EXPRESSIONS", list(attr(1, "NFTA_LIST_ELEM", expression))),
    notes: attr(7, "NFTA_RULE_USERDATA", notes),
  }),
);

/** One element of a set or map. */
export type Element = ValueOf<typeof element>;
export type Elements = ValueOf<typeof elementsMessage>;
