/**
 * Whom masquerade by iptables is for, where that is a front end of nf_tables: the jumps to the chains
 * of containers name network and container, whether the reference made them or this suite.
 *
 *   POSTROUTING   -s 10.1.2.3/32 -m comment --comment "name: "net" id: "6f2c…"" -j CNI-…
 */

import { formatAddress } from "../../ip/address.ts";
import type { Netns } from "../../net/netns.ts";
import { comparedValues, iptablesComment } from "../../netlink/nft-expression.ts";
import { type FoundRule, listChainRules } from "../nft-rules.ts";
import { unlessUnsupported } from "../nft-transaction.ts";
import { targetOf } from "./found-rules.ts";
import { isChainName } from "./names.ts";
import { natTables } from "./tables.ts";

/** A container in a network, whichever of its interfaces is meant, and its address. */
export interface NamedJump {
  readonly network: string;
  readonly containerID: string;
  readonly address: string | undefined;
}

/** All jumps that tell their container's names in full. */
export function listNamedJumps(ns: Netns): readonly NamedJump[] {
  return [natTables[4], natTables[6]].flatMap((table) => {
    const chain = { table, name: "POSTROUTING" };
    return unlessUnsupported(() => listChainRules(ns, chain), []).flatMap((rule) => namedIn(rule));
  });
}

function namedIn(rule: FoundRule): readonly NamedJump[] {
  const text = iptablesComment(rule.expressions);
  const [, network, containerID] = /^name: "([^"#][^"]*)" id: "([^"#][^"]*)"$/.exec(text) ?? [];
  if (network === undefined || containerID === undefined) return [];
  if (!isChainName(targetOf(rule) ?? "")) return [];
  const sources = comparedValues(rule.expressions).filter(({ length }) => length % 12 === 4);
  const [source] = sources;
  return [{ network, containerID, address: source && formatAddress(source) }];
}
