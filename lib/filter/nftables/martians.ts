/** What keeps 127.0.0.0/8 to this host where `route_localnet` lets it out: a chain, for all links. */

import type { Netns } from "../../net/netns.ts";
import * as nft from "../../netlink/nft-expression.ts";
import { NF_INET_PRE_ROUTING, NF_IP_PRI_RAW } from "../../netlink/nft-request.ts";
import { type ChainWithRules, ensureChain } from "./chains.ts";
import { inetTable, linkName } from "./sets.ts";

/** With `route_localnet` pods could reach what listens on the loopback (CVE-2020-8558). */
export const martians: ChainWithRules = /* @__PURE__ */ (() => {
  const isForeign = nft.matchOtherMeta(nft.NFT_META_IIFNAME, linkName("lo"));
  const loopback = Uint8Array.of(127, 0, 0, 0);
  const base = { type: "filter", hook: NF_INET_PRE_ROUTING, priority: NF_IP_PRI_RAW };
  return {
    chain: { table: inetTable, name: "martians", base },
    rules: (["source", "destination"] as const).map((end) => [
      ...isForeign,
      ...nft.matchFamily(nft.NFPROTO_IPV4),
      ...nft.matchNetwork(loopback, { prefixLength: 8, end }),
      nft.verdictOf(nft.NF_DROP),
    ]),
  };
})();

/** Makes only the guard of the loopback; false if the kernel has no nf_tables. */
export function addGuard(host: Netns): boolean {
  return ensureChain(host, martians);
}
