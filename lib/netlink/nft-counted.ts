/**
 * Sets of nf_tables that count, and those that belong to one rule: linux/netfilter/nf_tables.h. Few
 * need them, so the layouts of the others do without.
 */

import { attr, attributes, list } from "../bytes/attributes.ts";
import { bytes, cstring, u32be } from "../bytes/scalar.ts";
import { message } from "../bytes/struct.ts";
import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, type Request } from "./message.ts";
import { nfgenmsg } from "./nfgenmsg.ts";
import { ask } from "./nft-ask.ts";
import { type Expression, expression, nftData } from "./nft-layout.ts";
import { NFT_REG_1 } from "./nft-register.ts";
import type { NftChain, NftSet, NftTable } from "./nft-request.ts";
import { type Notes, notes, ruleMessage } from "./nftables.ts";

const NFT_MSG_NEWRULE = 6;
const NFT_MSG_GETRULE = 7;
const NFT_MSG_NEWSET = 9;
const NFT_MSG_GETSET = 10;
const NFT_MSG_NEWSETELEM = 12;
const NFT_MSG_GETSETELEM = 13;

export const NFT_SET_ANONYMOUS = 1;
const NFT_SET_CONSTANT = 2;
const NFT_SET_INTERVAL = 4;
const NFT_SET_MAP = 8;

const NFT_SET_ELEM_INTERVAL_END = 1;

/** One set, with what its elements do when they are found. */
export const countedSetMessage = /* @__PURE__ */ message(
  nfgenmsg,
  /* @__PURE__ */ attributes({
    table: attr(1, "NFTA_SET_TABLE", cstring),
    name: attr(2, "NFTA_SET_NAME", cstring),
    flags: attr(3, "NFTA_SET_FLAGS", u32be),
    keyType: attr(4, "NFTA_SET_KEY_TYPE", u32be),
    keyLength: attr(5, "NFTA_SET_KEY_LEN", u32be),
    id: attr(10, "NFTA_SET_ID", u32be),
    userData: attr(13, "NFTA_SET_USERDATA", bytes),
    expression: attr(17, "NFTA_SET_EXPR", expression),
  }),
);

const element = /* @__PURE__ */ attributes({
  key: attr(1, "NFTA_SET_ELEM_KEY", nftData),
  data: attr(2, "NFTA_SET_ELEM_DATA", nftData),
  flags: attr(3, "NFTA_SET_ELEM_FLAGS", u32be),
  expression: attr(7, "NFTA_SET_ELEM_EXPR", expression),
});

/** Elements with what they have counted, or that end an interval. */
export const countedElementsMessage = /* @__PURE__ */ message(
  nfgenmsg,
  /* @__PURE__ */ attributes({
    table: attr(1, "NFTA_SET_ELEM_LIST_TABLE", cstring),
    set: attr(2, "NFTA_SET_ELEM_LIST_SET", cstring),
    elements: attr(3, "NFTA_SET_ELEM_LIST_ELEMENTS", list(attr(1, "NFTA_LIST_ELEM", element))),
    setId: attr(4, "NFTA_SET_ELEM_LIST_SET_ID", u32be),
  }),
);

/** A rule by its chain and its notes alone. */
export const notedRuleMessage = /* @__PURE__ */ message(
  nfgenmsg,
  /* @__PURE__ */ attributes({
    chain: attr(2, "NFTA_RULE_CHAIN", cstring),
    notes: attr(7, "NFTA_RULE_USERDATA", notes),
  }),
);

/** What a set is by its kind, as it is asked for and as the kernel tells it. */
export interface SetKind {
  readonly keyType: number;
  readonly keyLength: number;
  readonly flags: number;
  readonly counts: boolean;
}

/** The kind of a set with a name. */
export function kindOf({ keyType, keyLength, leadsTo }: NftSet, counts: boolean): SetKind {
  return { keyType, keyLength, flags: leadsTo === "nothing" ? 0 : NFT_SET_MAP, counts };
}

/** Makes a set whose elements count the packets that they fit, with their bytes. */
export function newCountedSet({ table, name, keyType, keyLength, userData }: NftSet): Request {
  return ask({
    what: `add set "${name}" to table "${table.name}"`,
    type: NFT_MSG_NEWSET,
    flags: NLM_F_CREATE,
    table,
    codec: countedSetMessage,
    attributes: {
      ...{ table: table.name, name, flags: 0, keyType, keyLength, id: 1, userData },
      expression: { kind: "counter", data: {} },
    },
  });
}

/** A set of intervals that one rule of the same transaction looks in, and that goes with it. */
export interface IntervalSet {
  readonly table: NftTable;
  /** What tells it apart within a transaction. */
  readonly id: number;
  readonly keyType: number;
  readonly keyLength: number;
  readonly userData: Uint8Array;
}

/** The kernel gives it a number in place of the last part. */
const NAMELESS = "__set%d";

export function newIntervalSet({ table, ...set }: IntervalSet): Request {
  const flags = NFT_SET_ANONYMOUS | NFT_SET_CONSTANT | NFT_SET_INTERVAL;
  return ask({
    what: `add a set of intervals to table "${table.name}"`,
    type: NFT_MSG_NEWSET,
    flags: NLM_F_CREATE,
    table,
    codec: countedSetMessage,
    attributes: { table: table.name, name: NAMELESS, flags, ...set },
  });
}

/** From a first key to before another; undefined is to the end. */
export interface Interval {
  readonly first: Uint8Array;
  readonly end: Uint8Array | undefined;
}

/** Fills such a set with intervals that do not touch each other. */
export function newIntervals({ table, id }: IntervalSet, intervals: readonly Interval[]): Request {
  const elements = intervals.flatMap(({ first, end }) => [
    { key: { value: first } },
    ...(end ? [{ key: { value: end }, flags: NFT_SET_ELEM_INTERVAL_END }] : []),
  ]);
  return ask({
    what: `add intervals to a set of table "${table.name}"`,
    type: NFT_MSG_NEWSETELEM,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    table,
    codec: countedElementsMessage,
    attributes: { table: table.name, set: NAMELESS, setId: id, elements },
  });
}

/** Goes on if such a set has the value of register 1. */
export function matchInIntervals({ id }: IntervalSet): Expression {
  return { kind: "lookup", data: { set: NAMELESS, setId: id, source: NFT_REG_1 } };
}

/** Asks for the sets and maps of a table, with what they count. */
export function listCountedSets(table: NftTable): Request {
  return ask({
    what: `list the sets of table "${table.name}"`,
    type: NFT_MSG_GETSET,
    table,
    codec: countedSetMessage,
    attributes: { table: table.name },
  });
}

/** Asks for the elements of a set, with what they have counted. */
export function listCountedElements({ table, name }: NftSet): Request {
  return ask({
    what: `list elements of set "${name}" of table "${table.name}"`,
    type: NFT_MSG_GETSETELEM,
    table,
    codec: countedElementsMessage,
    attributes: { table: table.name, set: name },
  });
}

/** Asks for all rules of a table. */
export function listTableRules(table: NftTable): Request {
  return ask({
    what: `list the rules of table "${table.name}"`,
    type: NFT_MSG_GETRULE,
    table,
    codec: ruleMessage,
    attributes: { table: table.name },
  });
}

/** Adds a rule with notes at the end of a chain. */
export function newNotedRule(
  { table, name }: NftChain,
  expressions: readonly Expression[],
  notes: Notes,
): Request {
  return ask({
    what: `add rule to chain "${name}" of table "${table.name}"`,
    type: NFT_MSG_NEWRULE,
    flags: NLM_F_CREATE | NLM_F_APPEND,
    table,
    codec: ruleMessage,
    attributes: { table: table.name, chain: name, expressions, notes },
  });
}
