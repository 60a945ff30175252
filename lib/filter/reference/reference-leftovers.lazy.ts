/**
 * What the reference plugins 1.x made for an attachment, and our own rules by iptables: found by
 * the names those compute, taken for what it is by CHECK, and taken away over netlink without
 * running a program. The packet filter older than nf_tables is not looked at here.
 *
 *   inet cni_plugins_masquerade   masq_checks: one rule for each address, commented
 *   ip nat, ip6 nat               POSTROUTING: jumps to the chain CNI-…, one for each container
 *   bridge nat                    PREROUTING: a jump, commented, to the chains cni-br-iface-…
 */

import { ENOENT } from "../../host/errno.ts";
import { equalAddresses, type IpAddress } from "../../ip/address.ts";
import type { Netns } from "../../net/netns.ts";
import { type Owner, quotedNetwork } from "../../net/owner.ts";
import type { Outcome } from "../../netlink/connection.ts";
import { isRefusal } from "../../netlink/error.ts";
import type { Request } from "../../netlink/message.ts";
import { comparedValues, iptablesComment, jumpTarget } from "../../netlink/nft-expression.ts";
import { delChain, delRule, getChain, type NftChain } from "../../netlink/nft-request.ts";
import { type FoundRule, listChainRules } from "../nft-rules.ts";
import { changeTables } from "../nft-transaction.ts";
import { attachmentPrefix, chainName, isChainName, networkPrefix } from "./names.ts";
import { bridgeTable, masqueradeTable, natTables } from "./tables.ts";

const masqueradeRules: NftChain = { table: masqueradeTable, name: "masq_checks" };
const masqueradeHook: NftChain = { table: masqueradeTable, name: "postrouting" };
const prerouting: NftChain = { table: bridgeTable, name: "PREROUTING" };

/** True if the reference's nftables backend masquerades all these addresses for an attachment. */
export function hasMasquerade(ns: Netns, owner: Owner, addresses: readonly IpAddress[]): boolean {
  const prefix = attachmentPrefix(owner);
  const hook = listChainRules(ns, masqueradeHook);
  const own = listChainRules(ns, masqueradeRules).filter(({ comment }) =>
    comment.startsWith(prefix),
  );
  return (
    hook.some((rule) => leadsTo(rule, masqueradeRules.name)) &&
    addresses.every((address) => own.some((rule) => compares(rule, address)))
  );
}

/** True if the reference's MAC spoof check lets an attachment send from this address only. */
export function hasSpoofCheck(ns: Netns, owner: Owner, mac: Uint8Array): boolean {
  const [first, second] = spoofCheckChains(owner);
  return (
    listChainRules(ns, prerouting).some((rule) => leadsTo(rule, first.name)) &&
    listChainRules(ns, first).some((rule) => leadsTo(rule, second.name)) &&
    listChainRules(ns, second).some((rule) => compares(rule, mac))
  );
}

function leadsTo({ expressions }: FoundRule, chain: string): boolean {
  return expressions.some((step) => jumpTarget(step) === chain);
}

function compares({ expressions }: FoundRule, value: Uint8Array): boolean {
  return comparedValues(expressions).some((other) => equalAddresses(other, value));
}

/**
 * Deletes the masquerade that was left for an attachment. iptables knows a container, but not its
 * interfaces: if addresses are given, only what is for them goes.
 */
export function deleteLeftovers(ns: Netns, owner: Owner, known: readonly IpAddress[] = []): void {
  const name = chainName(owner);
  const natChains = [natTables[4], natTables[6]].map((table) => ({ table, name }));
  const prefix = attachmentPrefix(owner);
  changeTables(ns, {
    questions: natChains.map(getChain),
    plan: (answers) => [
      ...rulesWhere(ns, masqueradeRules, ({ comment }) => comment.startsWith(prefix)),
      ...natChains
        .filter((_, i) => isThere(answers[i]))
        .flatMap((chain) => natLeftovers(ns, chain, known)),
    ],
  });
}

/** Deletes the MAC spoof check that was left for an attachment. */
export function deleteSpoofCheckLeftovers(ns: Netns, owner: Owner): void {
  const chains = spoofCheckChains(owner);
  changeTables(ns, {
    questions: chains.map(getChain),
    plan: (answers) =>
      spoofCheckLeftovers(
        ns,
        owner,
        chains.filter((_, i) => isThere(answers[i])),
      ),
  });
}

function isThere(answer: Outcome | undefined): boolean {
  if (answer?.error && !isRefusal(answer.error, ENOENT)) throw answer.error;
  return answer !== undefined && !answer.error;
}

function rulesWhere(
  ns: Netns,
  chain: NftChain,
  isStale: (rule: FoundRule) => boolean,
): readonly Request[] {
  const stale = listChainRules(ns, chain).filter(isStale);
  return stale.map(({ handle }) => delRule(chain, handle));
}

/** The jumps for the known addresses, or all; with the last of them goes the chain. */
function natLeftovers(ns: Netns, chain: NftChain, known: readonly IpAddress[]): readonly Request[] {
  const postrouting = { table: chain.table, name: "POSTROUTING" };
  const jumps = listChainRules(ns, postrouting).filter((rule) => leadsTo(rule, chain.name));
  const own =
    known.length === 0
      ? jumps
      : jumps.filter((rule) => known.some((address) => compares(rule, address)));
  const isLast = own.length === jumps.length;
  return [
    ...own.map(({ handle }) => delRule(postrouting, handle)),
    ...(isLast ? [delChain(chain)] : []),
  ];
}

/** The chain that frames of the port go to, and the one it sends them on to. */
function spoofCheckChains({ containerID, ifName }: Owner): readonly [NftChain, NftChain] {
  const name = `cni-br-iface-${containerID}-${ifName}`;
  return [
    { table: bridgeTable, name },
    { table: bridgeTable, name: `${name}-mac` },
  ];
}

function spoofCheckLeftovers(
  ns: Netns,
  { containerID, ifName }: Owner,
  chains: readonly NftChain[],
): readonly Request[] {
  if (chains.length === 0) return [];
  const mark = `macspoofchk-${containerID}-${ifName}`;
  const isOwn = ({ comment }: FoundRule) => comment === mark;
  return [...rulesWhere(ns, prerouting, isOwn), ...chains.map(delChain)];
}

/**
 * Deletes the masquerade of a network's attachments but the valid ones. The MAC spoof check of
 * the reference does not tell the network of an attachment, so that it is left alone.
 */
export function collectLeftovers(ns: Netns, network: string, valid: readonly Owner[]): void {
  changeTables(ns, {
    questions: [],
    plan: () => [
      ...staleMasquerade(ns, network, valid),
      ...[natTables[4], natTables[6]].flatMap((table) =>
        staleChains(ns, { table, name: "POSTROUTING" }, { network, valid }),
      ),
    ],
  });
}

function staleMasquerade(ns: Netns, network: string, valid: readonly Owner[]): readonly Request[] {
  const prefix = networkPrefix(network);
  const kept = valid.map(attachmentPrefix);
  return rulesWhere(
    ns,
    masqueradeRules,
    ({ comment }) =>
      comment.startsWith(prefix) && !kept.some((attachment) => comment.startsWith(attachment)),
  );
}

interface Collection {
  readonly network: string;
  readonly valid: readonly Owner[];
}

function staleChains(
  ns: Netns,
  postrouting: NftChain,
  { network, valid }: Collection,
): readonly Request[] {
  const kept = new Set(valid.map(chainName));
  const marks = quotedNetwork(network);
  const jumps = listChainRules(ns, postrouting).flatMap(({ handle, expressions }) => {
    const target = expressions.map(jumpTarget).find((name) => name !== undefined) ?? "";
    const isOfNetwork = marks.some((mark) => iptablesComment(expressions).startsWith(mark));
    return isOfNetwork && isChainName(target) && !kept.has(target) ? [{ handle, target }] : [];
  });
  return [
    ...jumps.map(({ handle }) => delRule(postrouting, handle)),
    ...Array.from(new Set(jumps.map(({ target }) => target)), (name) =>
      delChain({ table: postrouting.table, name }),
    ),
  ];
}
