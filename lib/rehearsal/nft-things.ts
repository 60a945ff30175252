/** What there is in nf_tables, one thing for each table, chain, set, element and rule. */

import { formatAddress } from "../ip/address.ts";
import { formatMac } from "../ip/mac.ts";
import type { Netns } from "../net/netns.ts";
import { chainMessage, elementsMessage, ruleMessage, setMessage } from "../netlink/nftables.ts";
import { decoded } from "./messages.ts";
import { type ToldNft, tellNft } from "./packet-filter.ts";
import type { Thing } from "./thing.ts";

const families: { readonly [family: number]: string } = {
  1: "inet",
  2: "ip",
  3: "arp",
  5: "netdev",
  7: "bridge",
  10: "ip6",
};

/** All of nf_tables; of rules and elements only what they are for, and which ones. */
export function nftThings(ns: Netns): readonly Thing[] {
  const told = tellNft(ns);
  const types = new Map(
    told.flatMap((each) =>
      each.kind === "set" ? [[idOf(each), decoded(setMessage, each.body).attributes]] : [],
    ),
  );
  return told.flatMap((each) => {
    if (each.kind === "elements") return elementThings(each, types.get(idOf(each)) ?? {});
    if (each.kind === "rule") return [ruleThing(each)];
    return [{ kind: "nft" as const, key: `nft ${each.kind} ${idOf(each)}`, ...plain(each) }];
  });
}

/** The numbers by which the tool `nft` knows of what kind keys and values are. */
interface Types {
  readonly keyType?: number;
  readonly dataType?: number;
}

function idOf(each: ToldNft): string {
  return `${placeOf(each)} ${each.name}`;
}

function placeOf({ family, table }: ToldNft): string {
  return `${families[family] ?? family} ${table}`;
}

function plain(each: ToldNft) {
  const table = placeOf(each);
  if (each.kind === "table") return { what: `table ${table}`, detail: { type: "table", table } };
  const { kind, name } = each;
  const what = `${kind} ${name} of table ${table}`;
  return { what, detail: { type: kind, table, name, ...hookOf(each) } };
}

/** Where packets come into a chain by themselves. */
function hookOf({ kind, body }: ToldNft) {
  if (kind !== "chain") return {};
  const { hook, type } = decoded(chainMessage, body).attributes;
  if (!hook || type === undefined) return {};
  return { chainType: type, hook: hook.number ?? 0, priority: (hook.priority ?? 0) | 0 };
}

/** A rule is told apart from others by its handle, which the kernel gives it. */
function ruleThing(each: ToldNft): Thing {
  const { handle = 0, expressions = [], notes } = decoded(ruleMessage, each.body).attributes;
  const steps = expressions.map(({ kind }) => kind).join(" ");
  const comment = notes?.comment ?? "";
  const table = placeOf(each);
  return {
    kind: "nft",
    key: `nft rule ${table} ${each.name} ${handle}`,
    what: `rule of chain ${each.name} of table ${table}`,
    detail: { type: "rule", table, chain: each.name, steps, ...(comment ? { comment } : {}) },
  };
}

function elementThings(each: ToldNft, { keyType = 0, dataType = 0 }: Types): readonly Thing[] {
  const table = placeOf(each);
  const { elements = [] } = decoded(elementsMessage, each.body).attributes;
  return elements.map(({ key, data, notes }) => {
    const value = key?.value ?? new Uint8Array(0);
    const text = valueText(value, keyType);
    const target = data?.verdict?.chain;
    const comment = notes?.comment ?? "";
    return {
      kind: "nft" as const,
      key: `nft element ${idOf(each)} ${value.join()}`,
      what: `element ${text} of set ${each.name} of table ${table}`,
      detail: {
        ...{ type: "element", table, set: each.name, element: text },
        ...(target === undefined ? {} : { to: target }),
        ...(data?.value ? { to: valueText(data.value, dataType) } : {}),
        ...(comment ? { comment } : {}),
      },
    };
  });
}

/** Types of the tool `nft` (include/datatype.h), with their bytes. */
const types: {
  readonly [type: number]: readonly [size: number, say: (value: Uint8Array) => string];
} = {
  7: [4, formatAddress],
  8: [16, formatAddress],
  9: [6, formatMac],
  12: [1, ([number = 0]) => protocols[number] ?? `${number}`],
  13: [2, numberOf],
  41: [16, (name) => String.fromCharCode(...name).replace(/\0+$/, "")],
};
const protocols: { readonly [number: number]: string } = { 6: "tcp", 17: "udp", 132: "sctp" };
/** A value of several parts has their types as digits of six bits; each part takes whole words. */
const BASE = 64;

function valueText(value: Uint8Array, type: number): string {
  const parts: number[] = [];
  for (let rest = type; rest > 0; rest = Math.floor(rest / BASE)) parts.unshift(rest % BASE);
  let at = 0;
  const texts = parts.map((part) => {
    const [size, say] = types[part] ?? [value.length, numberOf];
    at += (size + 3) & ~3;
    return say(value.subarray(at - ((size + 3) & ~3)).subarray(0, size));
  });
  return at === 0 || at > ((value.length + 3) & ~3) ? value.join(":") : texts.join(" . ");
}

function numberOf(bytes: Uint8Array): string {
  return `${bytes.reduce((sum, byte) => 256 * sum + byte, 0)}`;
}
