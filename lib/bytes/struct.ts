/** Structures of C, what follows one, and arrays of numbers. */

import {
  type Codec,
  Fixed,
  type FixedCodec,
  type Reader,
  type ValueOf,
  type Writer,
  within,
} from "./codec.ts";

type Fields = { readonly [name: string]: FixedCodec<unknown> };
type StructOf<F extends Fields> = { readonly [K in keyof F]?: ValueOf<F[K]> };
type FullStructOf<F extends Fields> = { readonly [K in keyof F]: ValueOf<F[K]> };

/** A structure: written with zeros for the members left out, read whole. */
export interface Struct<F extends Fields> extends FixedCodec<StructOf<F>> {
  read(input: Reader): FullStructOf<F>;
  load(bytes: Uint8Array, at: number): FullStructOf<F>;
}

/** A C structure: its members in order, each of fixed size. */
export function struct<F extends Fields>(name: string, fields: F): Struct<F> {
  return new StructLayout(name, fields);
}

/** A member of a structure: `offset` counts from the structure's beginning. */
interface Member {
  readonly name: string;
  readonly offset: number;
  readonly codec: FixedCodec<unknown>;
}

class StructLayout<F extends Fields> extends Fixed<StructOf<F>> implements Struct<F> {
  readonly kind = "struct";
  readonly name: string;
  readonly size: number;
  readonly members: readonly Member[];

  constructor(name: string, fields: F) {
    super();
    let offset = 0;
    this.name = name;
    this.members = Object.entries(fields).map(([name, codec]) => {
      offset += codec.size;
      return { name, offset: offset - codec.size, codec };
    });
    this.size = offset;
  }

  store(bytes: Uint8Array, at: number, value: StructOf<F>): void {
    let current = "";
    try {
      for (const { name, offset, codec } of this.members) {
        const member = value[name];
        if (member === undefined) continue;
        current = name;
        codec.store(bytes, at + offset, member);
      }
    } catch (cause) {
      within(`${this.name}.${current}`, cause);
    }
  }

  override read(input: Reader): FullStructOf<F> {
    try {
      return this.load(input.bytes, input.take(this.size));
    } catch (cause) {
      return within(this.name, cause);
    }
  }

  load(bytes: Uint8Array, at: number): FullStructOf<F> {
    const value: { [name: string]: unknown } = {};
    for (const { name, offset, codec } of this.members)
      value[name] = codec.load(bytes, at + offset);
    return value as FullStructOf<F>;
  }
}

/** A message body: a structure and the attributes that follow it. */
export interface Message<H, A> {
  readonly header: H;
  readonly attributes: A;
}

/** The codec of a structure followed by attributes, which begin at a multiple of four. */
export function message<F extends Fields, A>(
  header: Struct<F>,
  attributes: Codec<A>,
): Codec<{ readonly header?: StructOf<F>; readonly attributes?: A }> & {
  read(input: Reader): Message<FullStructOf<F>, A>;
} {
  return new MessageLayout(header, attributes);
}

class MessageLayout<F extends Fields, A> {
  readonly kind = "message";
  readonly header: Struct<F>;
  readonly attributes: Codec<A>;

  constructor(header: Struct<F>, attributes: Codec<A>) {
    this.header = header;
    this.attributes = attributes;
  }

  write(out: Writer, value: { readonly header?: StructOf<F>; readonly attributes?: A }): void {
    this.header.write(out, value.header ?? {});
    out.room(-out.at & 3);
    if (value.attributes !== undefined) this.attributes.write(out, value.attributes);
  }

  read(input: Reader): Message<FullStructOf<F>, A> {
    const header = this.header.read(input);
    input.at = Math.min((input.at + 3) & ~3, input.end);
    return { header, attributes: this.attributes.read(input) };
  }
}
