/** What all requests to nf_tables have in common. */

import type { Layout } from "../bytes/layout.ts";
import { type Request, request } from "./message.ts";

export const NFNL_SUBSYS_NFTABLES = 10;

interface Question<A> {
  readonly what: string;
  /** NFT_MSG_*, linux/netfilter/nf_tables.h. */
  readonly type: number;
  readonly flags?: number;
  readonly table: { readonly family: number };
  readonly codec: Layout<
    { readonly header?: { readonly family?: number }; readonly attributes?: A },
    unknown
  >;
  readonly attributes: NoInfer<A>;
}

/** A request about an object of a table. */
export function ask<A>({ type, table, attributes, ...rest }: Question<A>): Request {
  const value = { header: { family: table.family }, attributes };
  return request({ ...rest, type: (NFNL_SUBSYS_NFTABLES << 8) | type, value });
}
