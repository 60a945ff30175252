/** Every element of this suite's tables in nf_tables that names an owner, whoever that is. */

import type { Netns } from "../../net/netns.ts";
import type { NftSet, NftTable } from "../../netlink/nft-request.ts";
import { listSets } from "../../netlink/nft-sets.ts";
import { setMessage } from "../../netlink/nftables.ts";
import { listOrNone, unlessUnsupported } from "../nft-transaction.ts";
import { listOwnedElements } from "./elements.ts";
import { bridgeTable, inetTable } from "./sets.ts";

/** An element by the set it is in, and the comment that says whose it is. */
export interface Commented {
  readonly set: string;
  readonly comment: string;
}

/** All of them; none where there is no nf_tables. */
export function listCommented(ns: Netns): readonly Commented[] {
  return [inetTable, bridgeTable].flatMap((table) =>
    setsOf(ns, table).flatMap((set) =>
      listOwnedElements(ns, set)
        .filter(({ comment }) => comment !== "")
        .map(({ comment }) => ({ set: set.name, comment })),
    ),
  );
}

function setsOf(ns: Netns, table: NftTable): readonly NftSet[] {
  const list = () => listOrNone(() => ns.netfilter.dump(listSets(table), setMessage));
  return unlessUnsupported(list, []).flatMap(({ attributes }) => {
    const { table: of, name, keyType = 0, keyLength = 0, userData } = attributes ?? {};
    if (of !== table.name || name === undefined) return [];
    return [
      {
        table,
        name,
        keyType,
        keyLength,
        leadsTo: "nothing" as const,
        userData: userData ?? new Uint8Array(0),
      },
    ];
  });
}
