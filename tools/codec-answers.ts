/**
 * What is asked of a codec, one text each, and its answer as a text: what bytes are by a table, which
 * bytes a value is, or the words of the refusal. The same questions are put to C and to the reference.
 */
import { CodecError } from "../lib/bytes/codec.ts";
import { type AnyLayout, read, write } from "../lib/bytes/layout.ts";
import { commonBits } from "../lib/bytes/packed.ts";
import { packAddress, packSubnet } from "../lib/ip/packed.ts";
import { encodeRequests, splitMessages } from "../lib/netlink/message.ts";

/** Bytes are texts of hexadecimal digits after an "@"; `undefined` is "@undefined". */
export type Question =
  | { readonly read: string; readonly bytes: string; readonly at?: number }
  | { readonly write: string; readonly value: unknown }
  | { readonly split: string; readonly size?: number }
  | { readonly pack: string }
  | { readonly common: readonly [string, string] };

/** Layouts by their names. */
export type Tables = { readonly [name: string]: AnyLayout };

/** The layouts among what modules export. */
export function tablesIn(exports: { readonly [name: string]: unknown }): Tables {
  const isLayout = (value: unknown) =>
    typeof value === "object" && value !== null && "program" in value;
  return Object.fromEntries(
    Object.entries(exports).filter(([, value]) => isLayout(value)),
  ) as Tables;
}

/** What answers questions about some tables; questions and answers are JSON. */
export function answerer(exports: { readonly [name: string]: unknown }) {
  const tables = tablesIn(exports);
  return (question: string): string => {
    try {
      return JSON.stringify(answerTo(tables, JSON.parse(question, revived)), plain);
    } catch (cause) {
      if (!(cause instanceof CodecError)) throw cause;
      return JSON.stringify({ refused: cause.message });
    }
  };
}

function answerTo(tables: Tables, question: Question): unknown {
  if ("read" in question) {
    const bytes = question.bytes as unknown as Uint8Array;
    const layout = tables[question.read] as AnyLayout;
    return read(layout, { bytes, at: question.at ?? 0, end: bytes.length });
  }
  if ("split" in question) {
    const datagram = question.split as unknown as Uint8Array;
    return splitMessages(datagram, question.size).map(({ body: { at, end }, ...head }) => {
      return { ...head, at, end };
    });
  }
  if ("pack" in question) return [packAddress(question.pack), packSubnet(question.pack)];
  if ("common" in question) return commonBits(...question.common);
  const { value } = question;
  const codec = tables[question.write] as AnyLayout;
  const request = { what: "", type: 0x1234, flags: 0x301, codec, value };
  return [write(codec, value as never), encodeRequests([request, request], 7)];
}

/** Bytes as the text that stands for them. */
export function plain(_: string, value: unknown): unknown {
  if (value === undefined) return "@undefined";
  if (Object.is(value, -0)) return "@-0";
  if (typeof value === "number" && !Number.isFinite(value)) return `@${value}`;
  if (typeof value === "string" && value.startsWith("@")) return `@${value}`;
  if (!(value instanceof Uint8Array)) return value;
  return `@${Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** What such a text stands for. */
export function revived(_: string, value: unknown): unknown {
  if (typeof value !== "string" || !value.startsWith("@")) return value;
  if (value.startsWith("@@")) return value.slice(1);
  if (value === "@undefined") return undefined;
  if (/^@(NaN|-?Infinity|-0)$/.test(value)) return Number(value.slice(1));
  const bytes = new Uint8Array((value.length - 1) >> 1);
  for (let at = 0; at < bytes.length; at++)
    bytes[at] = 16 * digitAt(value, 2 * at + 1) + digitAt(value, 2 * at + 2);
  return bytes;
}

function digitAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code < 0x3a ? code - 0x30 : code - 0x57;
}
