/** Requests for many elements that have nothing but a key, all of one length: their keys come in one piece. */

import { attr, attributes } from "../bytes/attributes.ts";
import { bytes, cstring } from "../bytes/scalar.ts";
import { message } from "../bytes/struct.ts";
import { NLM_F_CREATE, NLM_F_EXCL, type Request } from "./message.ts";
import { nfgenmsg } from "./nfgenmsg.ts";
import { ask } from "./nft-ask.ts";
import type { NftSet } from "./nft-request.ts";

const NFT_MSG_NEWSETELEM = 12;
const NFT_MSG_DELSETELEM = 14;

const packedMessage = /* @__PURE__ */ message(
  nfgenmsg,
  /* @__PURE__ */ attributes({
    table: attr(1, "NFTA_SET_ELEM_LIST_TABLE", cstring),
    set: attr(2, "NFTA_SET_ELEM_LIST_SET", cstring),
    elements: attr(3, "NFTA_SET_ELEM_LIST_ELEMENTS", bytes),
  }),
);

/** As many elements one request has: their list is an attribute, of 64 KB at most. */
const MOST = 1000;

/** Adds elements that are not there. */
export function addKeys(set: NftSet, keys: Uint8Array): readonly Request[] {
  const flags = NLM_F_CREATE | NLM_F_EXCL;
  return inParts(set, keys, { verb: "add", type: NFT_MSG_NEWSETELEM, flags });
}

/** Deletes elements that are there. */
export function deleteKeys(set: NftSet, keys: Uint8Array): readonly Request[] {
  return inParts(set, keys, { verb: "delete", type: NFT_MSG_DELSETELEM });
}

interface Verb {
  readonly verb: string;
  readonly type: number;
  readonly flags?: number;
}

function inParts(set: NftSet, keys: Uint8Array, { verb, ...rest }: Verb): readonly Request[] {
  const { table, name, keyLength } = set;
  const size = MOST * keyLength;
  const requests: Request[] = [];
  for (let at = 0; at < keys.length; at += size) {
    const elements = packed(keys.subarray(at, at + size), keyLength);
    const what = `${verb} elements of set "${name}" of table "${table.name}"`;
    const values = { table: table.name, set: name, elements };
    requests.push(ask({ ...rest, what, table, codec: packedMessage, attributes: values }));
  }
  return requests;
}

/** NFTA_LIST_ELEM, in it NFTA_SET_ELEM_KEY, in it NFTA_DATA_VALUE: all are number 1, and have a length of 2 bytes. */
function packed(keys: Uint8Array, length: number): Uint8Array {
  const all = new Uint8Array((keys.length / length) * (HEADS + length));
  const words = new Uint16Array(all.buffer);
  for (let from = 0, to = 0; from < keys.length; from += length, to += HEADS + length) {
    for (let head = 0; head < HEADS; head += 4) {
      words[(to + head) / 2] = HEADS + length - head;
      words[(to + head) / 2 + 1] = 1;
    }
    for (let i = 0; i < length; i++) all[to + HEADS + i] = keys[from + i] as number;
  }
  return all;
}

/** The headers of three attributes. */
const HEADS = 12;
