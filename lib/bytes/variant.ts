/** Layouts that depend on something else: on a kind, on each other's bytes, on one further out. */

import * as codec from "codec";
import type { Attribute } from "./attributes.ts";
import { type AnyLayout, type Layout, made, type ValueOf } from "./layout.ts";

type Kinds = { readonly [kind: string]: AnyLayout };

/** The value of a variant: a kind, and the data that goes with it. */
export type VariantOf<V extends Kinds> = {
  [K in keyof V & string]: { readonly kind: K; readonly data?: ValueOf<V[K]> };
}[keyof V & string];

/** A kind whose data nobody reads, or "" for none. */
interface OtherKind {
  readonly kind: string;
  readonly data?: undefined;
}

/** Two attributes: one names a kind, the other, behind it, has the layout of that kind. */
interface VariantRows {
  readonly kind: Attribute<string>;
  readonly data: { readonly number: number; readonly name: string };
}

/** A nest that names a kind and holds what that kind says; data of other kinds is passed over. */
export function variant<V extends Kinds>(
  rows: VariantRows,
  kinds: V,
): Layout<VariantOf<V> | OtherKind> {
  return made({ kind: "variant", nested: true, rows, kinds });
}

/** Several layouts that lie in one nest, and each pass over what is another's. */
export function shared<P extends Kinds>(
  layouts: P,
): Layout<{ readonly [K in keyof P]?: ValueOf<P[K]> }> {
  const parts = Object.entries(layouts).map(([name, codec]) => ({ name, codec }));
  return made({ kind: "shared", nested: true, parts });
}

/** A layout that is known later, because it holds itself. */
export interface Recursive<T> extends Layout<T> {
  readonly kind: "recursive";
}

/** A layout that is used before it is made: `resolved` says which it is. */
export function recursive<T>(): Recursive<T> {
  return made({ kind: "recursive" });
}

/** The layout that a recursive one stands for, which knows it from now on. */
export function resolved<L extends AnyLayout>(
  { program }: Pick<Recursive<never>, "kind" | "program">,
  layout: L,
): L {
  codec.resolve(program, layout.program);
  return layout;
}
