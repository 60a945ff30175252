/**
 * Masquerade of a whole network by nf_tables, in the tables that flanneld has for it:
 *
 *   table ip flannel-ipv4             (and ip6 flannel-ipv6; flannel is the network's name)
 *     chain postrtg (nat hook)        N is the network, S this host's part of it
 *       marked by kube-proxy: return  it does it itself
 *       from S to N: return           pods to pods elsewhere
 *       from N to S: return           and back
 *       not from N to S: return       from outside to pods here
 *       from N, not to a group:       pods to the world
 *         masquerade
 *       not from N to N: masquerade   from outside, this host too, to pods elsewhere
 *
 * flanneld has "not from S to N" in the fourth rule, by which its last one is never reached.
 */

import type { Family } from "../../ip/address.ts";
import { type Cidr, firstAddress } from "../../ip/cidr.ts";
import type { Netns } from "../../net/netns.ts";
import { decodeReply } from "../../netlink/connection.ts";
import {
  matchMark,
  matchNetwork,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NFT_RETURN,
  verdictOf,
} from "../../netlink/nft-expression.ts";
import type { Expression } from "../../netlink/nft-layout.ts";
import { isFullyRandom, masqueradeAtRandom } from "../../netlink/nft-masquerade.ts";
import {
  delChain,
  delRule,
  delTable,
  getChain,
  getTable,
  NF_INET_POST_ROUTING,
  NF_IP_PRI_NAT_SRC,
  type NftChain,
  type NftTable,
  newChain,
  newRule,
  newTable,
} from "../../netlink/nft-request.ts";
import { chainMessage } from "../../netlink/nftables.ts";
import {
  groupsOf,
  MASQUERADE_MARK,
  type NetworkMasquerade,
  type NetworkPart,
} from "../network-part.ts";
import { hasRules, listChainRules, type Rule } from "../nft-rules.ts";
import { changeTables, isThere, unlessUnsupported } from "../nft-transaction.ts";

const RULES = 6;

function tableOf(name: string, of: Family): NftTable {
  return { family: of === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6, name: `${name}-ipv${of}` };
}

function chainOf(table: NftTable): NftChain {
  const base = { type: "nat", hook: NF_INET_POST_ROUTING, priority: NF_IP_PRI_NAT_SRC };
  return { table, name: "postrtg", base };
}

/** Makes a family's rules what they are to be; true if they were not. */
export function ensureMasquerade(ns: Netns, of: Family, masquerade: NetworkMasquerade): boolean {
  const { rules, part } = masquerade;
  const table = tableOf(rules.name, of);
  if (!part) return removeTable(ns, table);
  const chain = chainOf(table);
  const forward: NftChain = { table, name: "forward" };
  const wanted = rulesOf(part, rules.isFullyRandom);
  const isRight = () => hasMasquerade(ns, chain, { rules, part });
  let isChanged = false;
  changeTables(ns, {
    questions: [getChain(chain), getChain(forward)],
    plan: ([, forwarding]) => {
      isChanged = !isRight();
      const made = [
        newTable(table),
        newChain(chain),
        delRule(chain),
        ...wanted.map((rule) => newRule(chain, rule)),
      ];
      const left = isThere(forwarding) ? [delRule(forward), delChain(forward)] : [];
      return [...(isChanged ? made : []), ...left];
    },
  });
  return isChanged;
}

/** What a family's rules lack, in words. */
export function findMasqueradeFault(
  ns: Netns,
  of: Family,
  { rules, part }: NetworkMasquerade,
): string | undefined {
  const chain = chainOf(tableOf(rules.name, of));
  if (!part || hasMasquerade(ns, chain, { rules, part })) return undefined;
  const table = `${of === 4 ? "ip" : "ip6"} ${chain.table.name}`;
  return `chain "${chain.name}" of table "${table}" does not have the rules that masquerade`;
}

interface Wanted extends NetworkMasquerade {
  readonly part: NetworkPart;
}

/** The kernel shows a masquerade that is not random by what it does not show. */
function hasMasquerade(ns: Netns, chain: NftChain, { rules, part }: Wanted): boolean {
  const found = listChainRules(ns, chain).flatMap(({ expressions }) => expressions);
  return (
    hasRules(ns, chain, rulesOf(part, rules.isFullyRandom)) &&
    found.some(isFullyRandom) === rules.isFullyRandom
  );
}

/** True if the chain has as many rules as it is to have. */
export function seemsMasqueraded(ns: Netns, of: Family, name: string): boolean {
  const [answer] = ns.netfilter.attempt(getChain(chainOf(tableOf(name, of))));
  if (!answer || !isThere(answer)) return false;
  return decodeReply(answer, chainMessage).attributes?.use === RULES;
}

/** Takes the tables of a network away; true if there was one. */
export function removeMasquerade(ns: Netns, name: string): boolean {
  return ([4, 6] as const).map((of) => removeTable(ns, tableOf(name, of))).includes(true);
}

function removeTable(ns: Netns, table: NftTable): boolean {
  let isFound = false;
  unlessUnsupported(
    () =>
      changeTables(ns, {
        questions: [getTable(table)],
        plan: ([answer]) => {
          isFound = isThere(answer);
          return isFound ? [delTable(table)] : [];
        },
      }),
    false,
  );
  return isFound;
}

/* ---- the rules ---- */

function rulesOf(part: NetworkPart, isRandom: boolean): readonly Rule[] {
  const { network, subnet } = part;
  const leave = verdictOf(NFT_RETURN);
  const masquerade = masqueradeAtRandom(isRandom);
  return [
    [...matchMark(MASQUERADE_MARK), leave],
    [...from(subnet), ...to(network), leave],
    [...from(network), ...to(subnet), leave],
    [...from(network, true), ...to(subnet), leave],
    [...from(network), ...to(groupsOf(part), true), masquerade],
    [...from(network, true), ...to(network), masquerade],
  ];
}

function from(cidr: Cidr, isOutside = false): readonly Expression[] {
  const { prefixLength } = cidr;
  return matchNetwork(firstAddress(cidr), { prefixLength, end: "source", isOutside });
}

function to(cidr: Cidr, isOutside = false): readonly Expression[] {
  const { prefixLength } = cidr;
  return matchNetwork(firstAddress(cidr), { prefixLength, end: "destination", isOutside });
}
