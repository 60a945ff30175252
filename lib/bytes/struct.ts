/** Structures of C, and what follows one. */

import { type Attribute, attributes } from "./attributes.ts";
import { type AnyLayout, type FixedLayout, type Layout, made, type ValueOf } from "./layout.ts";

type Fields = { readonly [name: string]: FixedLayout<never, unknown> };
type StructOf<F extends Fields> = { readonly [K in keyof F]?: ValueOf<F[K]> };
type FullStructOf<F extends Fields> = { readonly [K in keyof F]: ValueOf<F[K]> };

/** A structure: written with zeros for the members left out, read whole. */
export type Struct<F extends Fields> = FixedLayout<StructOf<F>, FullStructOf<F>>;

/** A C structure: its members in order, each of fixed size; offsets count from its beginning. */
export function struct<F extends Fields>(name: string, fields: F): Struct<F> {
  let size = 0;
  const members = Object.entries(fields).map(([name, codec]) => {
    size += codec.size;
    return { name, offset: size - codec.size, codec };
  });
  return made({ kind: "struct", name, members, size });
}

/** The names of members that a structure has. */
type NameIn<F extends Fields> = keyof F & string;

/**
 * A message as a packed text (packed.ts), which is only read: some members of its header, as they are,
 * and some attributes, each behind its length, which is 0 if it is not there. Of thousands of messages
 * that is a tenth of the work. An attribute is bytes or has always the same size.
 */
export function packedMessage<F extends Fields>(
  header: Struct<F>,
  names: readonly NameIn<F>[],
  rows: readonly Attribute<never>[],
): Layout<never, string> {
  const all = (header as unknown as { readonly members: readonly { readonly name: string }[] })
    .members;
  const members = names.map((name) => all.find((each) => each.name === name));
  const table = Object.fromEntries(rows.map((row) => [row.name, row]));
  return made({
    kind: "packed",
    header: made({ ...header, members }),
    attributes: attributes(table),
  });
}

/** A message body: a structure and the attributes that follow it. */
export interface Message<H, A> {
  readonly header: H;
  readonly attributes: A;
}

/** A structure followed by attributes, which begin at a multiple of four. */
export function message<F extends Fields, A>(
  header: Struct<F>,
  attributes: Layout<A>,
): Layout<{ readonly header?: StructOf<F>; readonly attributes?: A }, Message<FullStructOf<F>, A>> {
  return made<AnyLayout>({ kind: "message", header, attributes }) as never;
}
