/**
 * What the reference plugins 1.x left for an attachment, and our own rules by iptables: found by
 * the names those compute, and taken away over netlink without running a program, except where
 * the packet filter is older than nf_tables.
 *
 *   inet cni_plugins_masquerade   masq_checks: one rule for each address, commented
 *   ip nat, ip6 nat               POSTROUTING: jumps to the chain CNI-…, one for each container
 *   bridge nat                    PREROUTING: a jump, commented, to the chains cni-br-iface-…
 */

import { ENOENT } from "../host/errno.ts";
import { lazily } from "../host/lazy.ts";
import { equalAddresses, type IpAddress } from "../ip/address.ts";
import type { Outcome } from "../netlink/connection.ts";
import { isRefusal } from "../netlink/error.ts";
import type { Request } from "../netlink/message.ts";
import { comparedValues, iptablesComment, jumpTarget } from "../netlink/nft-expression.ts";
import { delChain, delRule, getChain, type NftChain } from "../netlink/nft-request.ts";
import type { Netns } from "./netns.ts";
import { changeTables, type FoundRule, listChainRules } from "./nft.ts";
import type { Owner } from "./nft-owner.ts";
import { attachmentPrefix, chainName, isChainName, networkPrefix } from "./reference-names.ts";
import { bridgeTable, hasLegacyNat, masqueradeTable, natTables } from "./reference-tables.ts";

type Iptables = typeof import("./masquerade-iptables.lazy.ts");

const masqueradeRules: NftChain = { table: masqueradeTable, name: "masq_checks" };
const prerouting: NftChain = { table: bridgeTable, name: "PREROUTING" };

/**
 * Deletes what was left for an attachment. iptables knows a container, but not its interfaces:
 * if addresses are given, only what is for them goes.
 */
export function deleteLeftovers(ns: Netns, owner: Owner, known: readonly IpAddress[] = []): void {
  const name = chainName(owner);
  const natChains = [natTables[4], natTables[6]].map((table) => ({ table, name }));
  const spoofChains = spoofCheckChains(owner);
  const prefix = attachmentPrefix(owner);
  changeTables(ns, {
    questions: [...natChains, ...spoofChains].map(getChain),
    plan: ([ipv4, ipv6, ...answers]) => [
      ...rulesWhere(ns, masqueradeRules, ({ comment }) => comment.startsWith(prefix)),
      ...natChains
        .filter((_, i) => isThere(i === 0 ? ipv4 : ipv6))
        .flatMap((chain) => natLeftovers(ns, chain, known)),
      ...spoofCheckLeftovers(
        ns,
        owner,
        spoofChains.filter((_, i) => isThere(answers[i])),
      ),
    ],
  });
  const iptables = legacyIptables(ns);
  iptables?.deleteRules(ns, { owner, known, flavour: "legacy" });
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

function leadsTo({ expressions }: FoundRule, chain: string): boolean {
  return expressions.some((step) => jumpTarget(step) === chain);
}

/** The jumps for the known addresses, or all; with the last of them goes the chain. */
function natLeftovers(ns: Netns, chain: NftChain, known: readonly IpAddress[]): readonly Request[] {
  const postrouting = { table: chain.table, name: "POSTROUTING" };
  const jumps = listChainRules(ns, postrouting).filter((rule) => leadsTo(rule, chain.name));
  const isKnown = (value: Uint8Array) => known.some((address) => equalAddresses(address, value));
  const own =
    known.length === 0
      ? jumps
      : jumps.filter(({ expressions }) => comparedValues(expressions).some(isKnown));
  const isLast = own.length === jumps.length;
  return [
    ...own.map(({ handle }) => delRule(postrouting, handle)),
    ...(isLast ? [delChain(chain)] : []),
  ];
}

function spoofCheckChains({ containerID, ifName }: Owner): readonly NftChain[] {
  const name = `cni-br-iface-${containerID}-${ifName}`;
  return [name, `${name}-mac`].map((each) => ({ table: bridgeTable, name: each }));
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
  const iptables = legacyIptables(ns);
  iptables?.collectRules(ns, { network, valid, flavour: "legacy" });
}

function legacyIptables(ns: Netns): Iptables | undefined {
  const isNeeded = hasLegacyNat(ns, 4) || hasLegacyNat(ns, 6);
  return isNeeded ? lazily<Iptables>("masquerade-iptables") : undefined;
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
  const mark = `name: "${network}" id: "`;
  const jumps = listChainRules(ns, postrouting).flatMap(({ handle, expressions }) => {
    const target = expressions.map(jumpTarget).find((name) => name !== undefined) ?? "";
    const isOfNetwork = iptablesComment(expressions).startsWith(mark);
    return isOfNetwork && isChainName(target) && !kept.has(target) ? [{ handle, target }] : [];
  });
  return [
    ...jumps.map(({ handle }) => delRule(postrouting, handle)),
    ...Array.from(new Set(jumps.map(({ target }) => target)), (name) =>
      delChain({ table: postrouting.table, name }),
    ),
  ];
}
