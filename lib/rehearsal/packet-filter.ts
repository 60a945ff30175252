/**
 * All of nf_tables in a namespace, whoever made it, as the kernel tells it, and the same made again
 * in another. Numbers are of linux/netfilter/nf_tables.h.
 */

import { bytes } from "../bytes/scalar.ts";
import type { Netns } from "../net/netns.ts";
import { NetlinkError } from "../netlink/error.ts";
import { NLM_F_APPEND, NLM_F_CREATE, type Request, request } from "../netlink/message.ts";
import { NFNL_SUBSYS_NFTABLES } from "../netlink/nft-ask.ts";
import { batch } from "../netlink/nft-batch.ts";
import type { Expression } from "../netlink/nft-layout.ts";
import { chainMessage, ruleMessage, setMessage, tableMessage } from "../netlink/nftables.ts";
import { again, attributesIn, decoded, messageOf, type RawAttribute, without } from "./messages.ts";

/** What there is in nf_tables; `holder` is the chain of a rule, or the set of elements. */
export interface ToldNft {
  readonly kind: "table" | "chain" | "set" | "elements" | "rule";
  /** NFPROTO_*. */
  readonly family: number;
  readonly table: string;
  readonly name: string;
  readonly body: Uint8Array;
}

const GET = { table: 1, chain: 4, rule: 7, set: 10, elements: 13 };
const NEW = { table: 0, chain: 3, rule: 6, set: 9, elements: 12 };

/** Tables with all that is in them; nothing where the kernel has no nf_tables, or does not tell. */
export function tellNft(ns: Netns): readonly ToldNft[] {
  const tables = dump(ns, "table");
  if (tables.length === 0) return [];
  const [chains, sets, rules] = [dump(ns, "chain"), dump(ns, "set"), dump(ns, "rule")];
  const elements = sets.flatMap((set) => dump(ns, "elements", set));
  return [...tables, ...chains, ...sets, ...elements, ...rules];
}

function dump(ns: Netns, kind: ToldNft["kind"], set?: ToldNft): readonly ToldNft[] {
  const head = Uint8Array.of(set?.family ?? 0, 0, 0, 0);
  const names = set ? [textAttribute(1, set.table), textAttribute(2, set.name)] : [];
  const body = messageOf(head, names);
  const question = request({
    what: `list ${kind}s`,
    type: typeOf(GET[kind]),
    codec: bytes,
    value: body,
  });
  try {
    return ns.netfilter.dump(question, bytes).map((told) => placed(kind, told, set));
  } catch (cause) {
    if (cause instanceof NetlinkError) return [];
    throw cause;
  }
}

function typeOf(number: number): number {
  return (NFNL_SUBSYS_NFTABLES << 8) | number;
}

function textAttribute(number: number, value: string): RawAttribute {
  const codes = Array.from(value, (letter) => letter.charCodeAt(0));
  return { number, value: Uint8Array.from([...codes, 0]) };
}

function placed(kind: ToldNft["kind"], body: Uint8Array, set?: ToldNft): ToldNft {
  const family = body[0] ?? 0;
  return {
    kind,
    family,
    body,
    ...(set ? { table: set.table, name: set.name } : namesIn(kind, body)),
  };
}

function namesIn(kind: ToldNft["kind"], body: Uint8Array) {
  if (kind === "table") {
    const { name = "" } = decoded(tableMessage, body).attributes;
    return { table: name, name };
  }
  if (kind === "rule") {
    const { table = "", chain = "" } = decoded(ruleMessage, body).attributes;
    return { table, name: chain };
  }
  const { table = "", name = "" } =
    kind === "chain"
      ? decoded(chainMessage, body).attributes
      : decoded(setMessage, body).attributes;
  return { table, name };
}

/** Makes the tables again; returns in words which of them the kernel did not take. */
export function makeNft(ns: Netns, told: readonly ToldNft[]): readonly string[] {
  const tables = told.filter(({ kind }) => kind === "table");
  return tables.flatMap(({ family, name }) => {
    const own = told.filter((each) => each.family === family && each.table === name);
    try {
      ns.netfilter.transaction(batch(own.map(requestFor)));
      return [];
    } catch (cause) {
      if (!(cause instanceof NetlinkError)) throw cause;
      return [`table "${name}" of nf_tables is not there: ${cause.message}`];
    }
  });
}

/** What the kernel gives by itself, and does not take: handles, uses, counts, places. */
const GIVEN = { table: [3, 4, 7], chain: [2, 6, 8], set: [16, 19, 20], elements: [], rule: [3, 6] };
const NFTA_SET_ID = 10;
const NFTA_RULE_COMPAT = 5;

function requestFor({ kind, body, name }: ToldNft, i: number): Request {
  const head = body.slice(0, 4);
  const own = without(attributesIn(body, head.length), GIVEN[kind]);
  const id = { number: NFTA_SET_ID, value: bigEndian(i) };
  const protocol = kind === "rule" ? protocolOf(body) : undefined;
  const attributes = [
    ...own,
    ...(kind === "set" ? [id] : []),
    ...(protocol === undefined ? [] : [compatibility(protocol)]),
  ];
  const flags = kind === "rule" ? NLM_F_CREATE | NLM_F_APPEND : NLM_F_CREATE;
  const purpose = { what: `make ${kind} "${name}"`, type: typeOf(NEW[kind]), flags };
  return again(purpose, messageOf(head, attributes));
}

function bigEndian(value: number): Uint8Array {
  return Uint8Array.of(0, 0, (value >> 8) & 0xff, value & 0xff);
}

/** What the kernel must be told of a rule of iptables, and does not tell: for which protocol it is. */
function compatibility(protocol: number): RawAttribute {
  const parts = [
    { number: 1, value: bigEndian(protocol) },
    { number: 2, value: bigEndian(0) },
  ];
  return { number: NFTA_RULE_COMPAT, value: messageOf(new Uint8Array(0), parts) };
}

const NFT_META_L4PROTO = 16;
/** Where an IPv4 header has its protocol. */
const PROTOCOL_AT = 9;

/** The protocol that a rule of iptables asks for before its matches; undefined if for none. */
function protocolOf(body: Uint8Array): number | undefined {
  const { expressions = [] } = decoded(ruleMessage, body).attributes;
  if (!expressions.some(({ kind }) => kind === "match" || kind === "target")) return undefined;
  const at = expressions.findIndex(isProtocol);
  const next = at < 0 ? undefined : expressions[at + 1];
  return next?.kind === "cmp" ? valueIn(next.data) : undefined;
}

function isProtocol({ kind, data = {} }: Expression): boolean {
  const { key, offset, length }: { [name: string]: unknown } = { ...data };
  if (kind === "meta") return key === NFT_META_L4PROTO;
  return kind === "payload" && offset === PROTOCOL_AT && length === 1;
}

/** The first byte that a comparison is with. */
function valueIn(data: Expression["data"]): number | undefined {
  const compared = data && "data" in data ? (data.data as { readonly value?: Uint8Array }) : {};
  return compared.value?.[0];
}
