/** User data of nf_tables (libnftnl/udata.h): parts of type and length, a byte each, and a value. */

import type { Attribute } from "./attributes.ts";
import type { Codec, Reader, Writer } from "./codec.ts";
import { u8 } from "./scalar.ts";

type Table = { readonly [key: string]: Attribute<unknown> };
type ValuesOf<A extends Table> = {
  readonly [K in keyof A]?: A[K] extends Attribute<infer T> ? T : never;
};

/** A table of parts. What is not in it is passed over, and so is what is no part: others write here too. */
export function parts<A extends Table>(rows: A): Codec<ValuesOf<A>> {
  return new Parts(rows);
}

class Parts<A extends Table> implements Codec<ValuesOf<A>> {
  readonly kind = "parts";
  readonly rows: A;

  constructor(rows: A) {
    this.rows = rows;
  }

  write(out: Writer, value: ValuesOf<A>): void {
    for (const key in this.rows) {
      const { number, codec } = this.rows[key] as Attribute<unknown>;
      if (value[key] === undefined) continue;
      out.u8(number);
      const { at } = out;
      out.u8(0);
      codec.write(out, value[key]);
      u8.store(out.room(0), at, out.at - at - 1);
    }
  }

  read(input: Reader): ValuesOf<A> {
    const { end } = input;
    const found: { [key: string]: unknown } = {};
    while (input.left >= 2) {
      const number = input.u8();
      input.end = Math.min(end, input.u8() + input.at);
      for (const key in this.rows) {
        const row = this.rows[key];
        if (row?.number === number) found[key] = row.codec.read(input);
      }
      input.at = input.end;
      input.end = end;
    }
    input.at = end;
    return found as ValuesOf<A>;
  }
}
