/** Masquerade whose ports nobody foresees. */

import type { Expression } from "./nft-layout.ts";

/** linux/netfilter/nf_nat.h */
const NF_NAT_RANGE_PROTO_RANDOM_FULLY = 16;

/** The same; two connections never ask for one port, or, unless that is wanted, they may. */
export function masqueradeAtRandom(isFully: boolean): Expression {
  return { kind: "masq", data: isFully ? { flags: NF_NAT_RANGE_PROTO_RANDOM_FULLY } : {} };
}

/** True for a masquerade of which no two connections ever ask for one port. */
export function isFullyRandom({ kind, data = {} }: Expression): boolean {
  return kind === "masq" && "flags" in data && data.flags === NF_NAT_RANGE_PROTO_RANDOM_FULLY;
}
