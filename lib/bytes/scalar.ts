/** Layouts without parts: numbers, bytes, addresses and texts. */

import { type FixedLayout, type Layout, made } from "./layout.ts";

interface IntegerOf {
  readonly name: string;
  readonly size: 1 | 2 | 4 | 8;
  readonly isSigned?: boolean;
  readonly isBigEndian?: boolean;
}

/** A number in the byte order of the machine, or big-endian; of 8 bytes only what is exact. */
function integer({ isSigned = false, isBigEndian = false, ...of }: IntegerOf): FixedLayout<number> {
  return made({ kind: "integer", ...of, isSigned, isBigEndian });
}

export const u8 = /* @__PURE__ */ integer({ name: "u8", size: 1 });
export const u16 = /* @__PURE__ */ integer({ name: "u16", size: 2 });
export const u32 = /* @__PURE__ */ integer({ name: "u32", size: 4 });
export const u64 = /* @__PURE__ */ integer({ name: "u64", size: 8 });
export const u16be = /* @__PURE__ */ integer({ name: "u16be", size: 2, isBigEndian: true });
export const u32be = /* @__PURE__ */ integer({ name: "u32be", size: 4, isBigEndian: true });
export const u64be = /* @__PURE__ */ integer({ name: "u64be", size: 8, isBigEndian: true });
/** Netlink uses it for errors and interface indexes. */
export const s32 = /* @__PURE__ */ integer({ name: "s32", size: 4, isSigned: true });

/** So many bytes, uninterpreted. */
export function block(size: number): FixedLayout<Uint8Array> {
  return made({ kind: "block", size });
}

/** Bytes up to the end; if their number matters, of one of at most two lengths below 256. */
function bytesOf(...lengths: readonly number[]): Layout<Uint8Array> {
  return made({ kind: "bytes", lengths });
}

/** All bytes that remain, uninterpreted. */
export const bytes = /* @__PURE__ */ bytesOf();

/** An IPv4 or IPv6 address: 4 or 16 bytes. */
export const ip = /* @__PURE__ */ bytesOf(4, 16);

/**
 * Text as the kernel has it: bytes, which by convention are UTF-8 (RFC 3629); read, those that are
 * none stand for themselves. It is read up to a NUL, and written with one if it is terminated.
 */
function textOf(isTerminated: boolean): Layout<string> {
  return made({ kind: "text", isTerminated });
}

/** Text that ends with a NUL, as the kernel's own names. */
export const cstring = /* @__PURE__ */ textOf(true);

/** Text that the kernel takes without an end mark, and gives back with one (interface aliases). */
export const text = /* @__PURE__ */ textOf(false);
