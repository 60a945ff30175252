/**
 * The reference's MAC spoof check, in table `bridge nat`:
 *
 *   PREROUTING                  a port of a bridge: jump, commented, to the first chain
 *   cni-br-iface-<id>-eth0      jumps to the second chain
 *   cni-br-iface-<id>-eth0-mac  from the port's own MAC: back; else drop
 *
 * Neither a name nor a comment tells the network of an attachment: GC leaves them alone.
 */

import type { Netns } from "../../net/netns.ts";
import type { Owner } from "../../net/owner.ts";
import { delChain, getChain, type NftChain } from "../../netlink/nft-request.ts";
import { listChainRules } from "../nft-rules.ts";
import { changeTables, isThere } from "../nft-transaction.ts";
import { compares, deletionsIn, leadTo } from "./found-rules.ts";
import { bridgeTable as table } from "./tables.ts";

const prerouting: NftChain = { table, name: "PREROUTING" };

/** True if an attachment may send from this address only. */
export function hasSpoofCheck(ns: Netns, owner: Owner, mac: Uint8Array): boolean {
  const [first, second] = chainsOf(owner);
  return (
    leadTo(listChainRules(ns, prerouting), first.name) &&
    leadTo(listChainRules(ns, first), second.name) &&
    listChainRules(ns, second).some((rule) => compares(rule, mac))
  );
}

/** Deletes the MAC spoof check of an attachment; none is fine. */
export function deleteSpoofCheckLeftovers(ns: Netns, owner: Owner): void {
  const { containerID, ifName } = owner;
  const mark = `macspoofchk-${containerID}-${ifName}`;
  const chains = chainsOf(owner);
  changeTables(ns, {
    questions: chains.map(getChain),
    plan: (answers) => {
      const found = chains.filter((_, i) => isThere(answers[i]));
      if (found.length === 0) return [];
      const jumps = deletionsIn(ns, prerouting, ({ comment }) => comment === mark);
      return [...jumps, ...found.map(delChain)];
    },
  });
}

/** The chain that frames of the port go to, and the one it sends them on to. */
function chainsOf({ containerID, ifName }: Owner): readonly [NftChain, NftChain] {
  const name = `cni-br-iface-${containerID}-${ifName}`;
  return [
    { table, name },
    { table, name: `${name}-mac` },
  ];
}
