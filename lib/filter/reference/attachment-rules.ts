/**
 * Rules of the reference plugins in nf_tables whose comments tell an owner who asks whether they are
 * his, but not whose they are: they hold hashes, or a container's ID alone.
 */

import type { Netns } from "../../net/netns.ts";
import type { Owner } from "../../net/owner.ts";
import type { NftChain } from "../../netlink/nft-request.ts";
import { listChainRules } from "../nft-rules.ts";
import { unlessUnsupported } from "../nft-transaction.ts";
import { hostportChains } from "./hostport-tables.ts";
import { attachmentPrefix, networkPrefix } from "./names.ts";
import { bridgeTable, masqueradeTable } from "./tables.ts";

/** A rule of some attachment. */
export interface AttachmentRule {
  /** In words. */
  readonly what: string;
  readonly isOf: (owner: Owner) => boolean;
  /** True where the comment has the hash of a network's name: the inventory of that network has it. */
  readonly isOfNetwork: (network: string) => boolean;
}

/** All of them; none where there is no nf_tables. */
export function listAttachmentRules(ns: Netns): readonly AttachmentRule[] {
  return kinds.flatMap(({ chains, isOf }) =>
    chains.flatMap((chain) =>
      commentsIn(ns, chain).map((comment) => ({
        what: `rule "${comment}" in table ${chain.table.name}`,
        isOf: (owner) => isOf(comment, owner),
        isOfNetwork: (network) => comment.startsWith(networkPrefix(network)),
      })),
    ),
  );
}

interface Kind {
  readonly chains: readonly NftChain[];
  readonly isOf: (comment: string, owner: Owner) => boolean;
}

const kinds: readonly Kind[] = [
  {
    chains: [{ table: masqueradeTable, name: "masq_checks" }],
    isOf: (comment, owner) => comment.startsWith(attachmentPrefix(owner)),
  },
  {
    chains: hostportChains,
    isOf: (comment, { containerID }) => comment === containerID,
  },
  {
    chains: [{ table: bridgeTable, name: "PREROUTING" }],
    isOf: (comment, { containerID, ifName }) => comment === `macspoofchk-${containerID}-${ifName}`,
  },
];

/** Rules without a comment are the frame, or somebody else's. */
function commentsIn(ns: Netns, chain: NftChain): readonly string[] {
  const rules = unlessUnsupported(() => listChainRules(ns, chain), []);
  return [...new Set(rules.map(({ comment }) => comment).filter((comment) => comment !== ""))];
}
