/**
 * What a layout is: plain data, which says its kind and what that kind has to be told (scalar.ts,
 * struct.ts, attributes.ts, variant.ts, array.ts, parts.ts). C makes a program of it when its module is
 * loaded, and reads and writes by that (native/layout.c). Errors name the path to what is wrong.
 */

import * as codec from "codec";
import { CodecError } from "./codec.ts";

declare const values: unique symbol;

/** A layout of values: `W` is what may be written, `R` what is read. */
export interface Layout<W, R = W> {
  /** What the other members mean. */
  readonly kind: string;
  /** It is a list of attributes. */
  readonly nested?: boolean;
  readonly program: codec.Program;
  /** Never there: it tells the compiler which values these are. */
  readonly [values]?: { readonly write: (value: W) => void; readonly read: R };
}

/** Whatever its values are. */
export type AnyLayout = Layout<never, unknown>;

/** A layout of a fixed number of bytes, which may be a member of a structure. */
export interface FixedLayout<W, R = W> extends Layout<W, R> {
  readonly size: number;
}

/** The type of the values that a layout writes. */
export type ValueOf<L> = L extends Layout<infer W, unknown> ? W : never;

/** The type of the values that a layout reads. */
export type ReadOf<L> = L extends Layout<never, infer R> ? R : never;

/** The layout that some data says. */
export function made<L extends AnyLayout>(data: {
  readonly kind: string;
  readonly [member: string]: unknown;
}): L {
  return { ...data, program: codec.layout(data) } as unknown as L;
}

/** The value that begins where the input is, which stays there; CodecError if it is none. */
export function read<R>(layout: Layout<never, R>, span: Span): R {
  try {
    return codec.read(layout.program, span) as R;
  } catch (cause) {
    throw refusal(cause);
  }
}

/** Bytes from `at` to `end`: a Reader is some. */
export type Span = codec.Span;

/** The bytes of a value; CodecError if the layout cannot hold it. */
export function write<W>(layout: Layout<W, unknown>, value: NoInfer<W>): Uint8Array<ArrayBuffer> {
  try {
    return codec.write(layout.program, value);
  } catch (cause) {
    throw refusal(cause);
  }
}

/** C throws the words of a refusal as they are. */
export function refusal(cause: unknown): unknown {
  return typeof cause === "string" ? new CodecError(cause) : cause;
}
