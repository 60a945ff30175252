/** Requests to nf_tables: each is one object made, deleted or asked for. */

import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, type Request } from "./message.ts";
import { ask } from "./nft-ask.ts";
import type { Expression } from "./nft-layout.ts";
import {
  chainMessage,
  type Element,
  elementsMessage,
  ruleMessage,
  setMessage,
  tableMessage,
} from "./nftables.ts";

const NFT_MSG_NEWTABLE = 0;
const NFT_MSG_GETTABLE = 1;
const NFT_MSG_DELTABLE = 2;
const NFT_MSG_NEWCHAIN = 3;
const NFT_MSG_GETCHAIN = 4;
const NFT_MSG_DELCHAIN = 5;
const NFT_MSG_NEWRULE = 6;
const NFT_MSG_GETRULE = 7;
const NFT_MSG_DELRULE = 8;
const NFT_MSG_NEWSET = 9;
const NFT_MSG_GETSET = 10;
const NFT_MSG_DELSET = 11;
const NFT_MSG_NEWSETELEM = 12;
const NFT_MSG_GETSETELEM = 13;
const NFT_MSG_DELSETELEM = 14;

/** Hooks of the IP families and of the bridge, linux/netfilter.h and netfilter_bridge.h. */
export const NF_INET_PRE_ROUTING = 0;
export const NF_INET_LOCAL_IN = 1;
export const NF_INET_LOCAL_OUT = 3;
export const NF_INET_FORWARD = 2;
export const NF_INET_POST_ROUTING = 4;
export const NF_BR_PRE_ROUTING = 0;
export const NF_BR_FORWARD = 2;

/** In which order chains of a hook see a packet, linux/netfilter_ipv4.h and netfilter_bridge.h. */
export const NF_IP_PRI_RAW = -300;
export const NF_IP_PRI_NAT_DST = -100;
export const NF_IP_PRI_FILTER = 0;
export const NF_IP_PRI_NAT_SRC = 100;
export const NF_BR_PRI_NAT_DST_BRIDGED = -300;
export const NF_BR_PRI_FILTER_BRIDGED = -200;

const NFT_SET_MAP = 8;
const NFT_DATA_VERDICT = 0xffff_ff00;

/** A table: its family (NFPROTO_*) and name. */
export interface NftTable {
  readonly family: number;
  readonly name: string;
}

/** A chain; with `base` packets enter it at a hook, without only by a jump. */
export interface NftChain {
  readonly table: NftTable;
  readonly name: string;
  readonly base?: { readonly type: string; readonly hook: number; readonly priority: number };
}

/**
 * A set, or a map to verdicts or values. `keyType` is a number of the tool `nft`, as is `userData`, which
 * tells it the byte order of the keys; the kernel only looks at the length.
 */
export interface NftSet {
  readonly table: NftTable;
  readonly name: string;
  readonly keyType: number;
  readonly keyLength: number;
  readonly leadsTo: "nothing" | "verdicts" | { readonly type: number; readonly length: number };
  readonly userData: Uint8Array;
}

const families: { readonly [family: number]: string } = {
  1: "inet",
  2: "ip",
  7: "bridge",
  10: "ip6",
};

/** A table as `nft` names it: `inet weft`. */
export function tableName({ family, name }: NftTable): string {
  return `${families[family] ?? family} ${name}`;
}

/** The same as errors show it. */
function named(table: NftTable): string {
  return `nftables table "${tableName(table)}"`;
}

/** Asks for a table; ENOENT if there is none. */
export function getTable(table: NftTable): Request {
  return ask({
    what: `find ${named(table)}`,
    type: NFT_MSG_GETTABLE,
    table,
    codec: tableMessage,
    attributes: { name: table.name },
  });
}

/** Makes a table; one that exists is fine. */
export function newTable(table: NftTable): Request {
  return ask({
    what: `add ${named(table)}`,
    type: NFT_MSG_NEWTABLE,
    flags: NLM_F_CREATE,
    table,
    codec: tableMessage,
    attributes: { name: table.name },
  });
}

/** Deletes a table with all that is in it; ENOENT if there is none. */
export function delTable(table: NftTable): Request {
  return ask({
    what: `delete ${named(table)}`,
    type: NFT_MSG_DELTABLE,
    table,
    codec: tableMessage,
    attributes: { name: table.name },
  });
}

/** Asks for a chain; ENOENT if there is none. */
export function getChain({ table, name }: NftChain): Request {
  return ask({
    what: `find chain "${name}" of ${named(table)}`,
    type: NFT_MSG_GETCHAIN,
    table,
    codec: chainMessage,
    attributes: { table: table.name, name },
  });
}

/** Makes a chain; one that exists is fine if it is of the same kind. */
export function newChain({ table, name, base }: NftChain): Request {
  return ask({
    what: `add chain "${name}" to ${named(table)}`,
    type: NFT_MSG_NEWCHAIN,
    flags: NLM_F_CREATE,
    table,
    codec: chainMessage,
    attributes: {
      table: table.name,
      name,
      ...(base && { hook: { number: base.hook, priority: base.priority >>> 0 }, type: base.type }),
    },
  });
}

/** Deletes a chain with its rules; EBUSY if something leads to it. */
export function delChain({ table, name }: NftChain): Request {
  return ask({
    what: `delete chain "${name}" of ${named(table)}`,
    type: NFT_MSG_DELCHAIN,
    table,
    codec: chainMessage,
    attributes: { table: table.name, name },
  });
}

/** Makes a set; one that exists is fine if it is of the same kind. */
export function newSet(set: NftSet): Request {
  const { table, name, keyType, keyLength, userData } = set;
  const isMap = set.leadsTo !== "nothing";
  const data =
    typeof set.leadsTo === "string" ? { type: NFT_DATA_VERDICT, length: 0 } : set.leadsTo;
  return ask({
    what: `add set "${name}" to ${named(table)}`,
    type: NFT_MSG_NEWSET,
    flags: NLM_F_CREATE,
    table,
    codec: setMessage,
    attributes: {
      table: table.name,
      name,
      flags: isMap ? NFT_SET_MAP : 0,
      keyType,
      keyLength,
      ...(isMap && { dataType: data.type, dataLength: data.length }),
      id: 1,
      userData,
    },
  });
}

/** Asks for a set; ENOENT if there is none. */
export function getSet({ table, name }: NftSet): Request {
  return ask({
    what: `find set "${name}" of ${named(table)}`,
    type: NFT_MSG_GETSET,
    table,
    codec: setMessage,
    attributes: { table: table.name, name },
  });
}

/** Deletes a set with its elements; EBUSY if a rule uses it. */
export function delSet({ table, name }: NftSet): Request {
  return ask({
    what: `delete set "${name}" of ${named(table)}`,
    type: NFT_MSG_DELSET,
    table,
    codec: setMessage,
    attributes: { table: table.name, name },
  });
}

/** Asks for all rules of a chain. */
export function listRules({ table, name }: NftChain): Request {
  return ask({
    what: `list chain "${name}" of ${named(table)}`,
    type: NFT_MSG_GETRULE,
    table,
    codec: ruleMessage,
    attributes: { table: table.name, chain: name },
  });
}

/** Adds a rule at the end of a chain. */
export function newRule({ table, name }: NftChain, expressions: readonly Expression[]): Request {
  return ask({
    what: `add rule to chain "${name}" of ${named(table)}`,
    type: NFT_MSG_NEWRULE,
    flags: NLM_F_CREATE | NLM_F_APPEND,
    table,
    codec: ruleMessage,
    attributes: { table: table.name, chain: name, expressions },
  });
}

/** Deletes one rule of a chain, or, without a handle, all of them. */
export function delRule({ table, name }: NftChain, handle?: number): Request {
  return ask({
    what: `delete rules of chain "${name}" of ${named(table)}`,
    type: NFT_MSG_DELRULE,
    table,
    codec: ruleMessage,
    attributes: { table: table.name, chain: name, ...(handle === undefined ? {} : { handle }) },
  });
}

/** What is asked of elements of a set: the flags are those of the header. */
interface ElementsQuestion {
  readonly verb: string;
  readonly type: number;
  readonly flags?: number;
  readonly elements?: readonly Element[];
}

function askElements({ table, name }: NftSet, question: ElementsQuestion): Request {
  const { verb, elements, ...rest } = question;
  return ask({
    ...rest,
    what: `${verb} elements of set "${name}" of ${named(table)}`,
    table,
    codec: elementsMessage,
    attributes: { table: table.name, set: name, ...(elements && { elements }) },
  });
}

/** Asks for one element; ENOENT if the set, or the whole table, is missing as well. */
export function getElement(set: NftSet, key: Uint8Array): Request {
  const elements = [{ key: { value: key } }];
  return askElements(set, { verb: "find", type: NFT_MSG_GETSETELEM, elements });
}

/** Asks for all elements of a set. */
export function listElements(set: NftSet): Request {
  return askElements(set, { verb: "list", type: NFT_MSG_GETSETELEM });
}

/** Adds elements; EEXIST if one is there already, ENOENT if the set or a chain is missing. */
export function newElements(set: NftSet, elements: readonly Element[]): Request {
  const flags = NLM_F_CREATE | NLM_F_EXCL;
  return askElements(set, { verb: "add", type: NFT_MSG_NEWSETELEM, flags, elements });
}

/** Adds elements; those that are there already are fine. */
export function ensureElements(set: NftSet, elements: readonly Element[]): Request {
  const flags = NLM_F_CREATE;
  return askElements(set, { verb: "add", type: NFT_MSG_NEWSETELEM, flags, elements });
}

/** Deletes elements; ENOENT if one is missing. */
export function delElements(set: NftSet, keys: readonly Uint8Array[]): Request {
  const elements = keys.map((value) => ({ key: { value } }));
  return askElements(set, { verb: "delete", type: NFT_MSG_DELSETELEM, elements });
}
