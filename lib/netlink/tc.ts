/** What qdiscs, classes and filters have in common: linux/rtnetlink.h and linux/pkt_sched.h. */

import { bytes, type Codec, cstring, s32, u8, u16, u32 } from "../bytes/codec.ts";
import { attr, attributes, struct } from "../bytes/struct.ts";

/** Header of every message about traffic control. */
export const tcmsg = /* @__PURE__ */ struct("tcmsg", {
  family: u8,
  pad1: u8,
  pad2: u16,
  index: s32,
  handle: u32,
  parent: u32,
  info: u32,
});

/** A qdisc, class, filter or action: its kind, and what that kind says. */
type Kinds = { readonly [kind: string]: Codec<unknown> };

/** Two attributes, a kind and its options, whose layout the kind decides. */
export function kindAndOptions<T>(kinds: Kinds, own: { readonly options: number }): Codec<T> {
  const table = (options: Codec<unknown>) =>
    attributes({ kind: attr(1, "KIND", cstring), options: attr(own.options, "OPTIONS", options) });
  const tables = new Map(Object.entries(kinds).map(([kind, codec]) => [kind, table(codec)]));
  const plain = table(bytes);
  return {
    size: 0,
    nested: true,
    write(out, value) {
      const { kind, ...rest } = value as { readonly kind?: string; readonly options?: unknown };
      const codec: Codec<object> = tables.get(kind ?? "") ?? plain;
      codec.write(out, kind === undefined ? rest : { kind, ...rest });
    },
    read(input) {
      const start = input.at;
      const { kind = "" } = plain.read(input);
      input.at = start;
      return (tables.get(kind) ?? plain).read(input) as T;
    },
  };
}

/** The values of a codec, here of a table of attributes. */
export type AttributesIn<C> = C extends Codec<infer T> ? T : never;

/** The link that something of traffic control is on. */
export interface On {
  readonly index: number;
  readonly name: string;
}
