/** User data of nf_tables (libnftnl/udata.h): parts of type and length, a byte each, and a value. */

import type { Attribute } from "./attributes.ts";
import { type Layout, made } from "./layout.ts";

type Table = { readonly [key: string]: Attribute<never> };
type ValuesOf<A extends Table> = {
  readonly [K in keyof A]?: A[K] extends Attribute<infer T> ? T : never;
};

/** A table of parts. What is not in it is passed over, and so is what is no part: others write here too. */
export function parts<A extends Table>(rows: A): Layout<ValuesOf<A>> {
  return made({ kind: "parts", rows });
}
