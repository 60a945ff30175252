/** What network policies of a cluster judge an address by on this host, as the kernel has it. */

import { listPending } from "../filter/cluster-pending.ts";
import { readDrops } from "../filter/cluster-policy.ts";
import { listChainRules } from "../filter/nft-rules.ts";
import { ask } from "../filter/nft-transaction.ts";
import { routed } from "../filter/nftables/cluster-table.ts";
import { elementAt } from "../filter/nftables/elements.ts";
import { family, formatAddress, type IpAddress } from "../ip/address.ts";
import type { Netns } from "../net/netns.ts";

/** A direction in which an address is isolated. */
export interface Judgement {
  readonly address: string;
  readonly direction: "ingress" | "egress";
  /** The chain of nf_tables; "" if nothing passes, as the cluster does not know the pod. */
  readonly chain: string;
  /** The policies that it is made of, in words. */
  readonly by: string;
  /** What was dropped since it is isolated. */
  readonly packets: number;
  readonly bytes: number;
}

/** What these addresses are judged by; none where nothing isolates them. */
export function judgementsOf(host: Netns, addresses: readonly IpAddress[]): readonly Judgement[] {
  const [pending, drops] = [listPending(host), readDrops(host)];
  return addresses.flatMap((address) =>
    (["egress", "ingress"] as const).flatMap((direction) => {
      const text = formatAddress(address);
      const own = drops.filter(
        (each) => each.direction === direction && formatAddress(each.address) === text,
      );
      const sum = (of: "packets" | "bytes") => own.reduce((all, each) => all + each[of], 0);
      const known = { address: text, direction, packets: sum("packets"), bytes: sum("bytes") };
      if (pending.has(text)) return [{ ...known, chain: "", by: "nothing is known of the pod" }];
      const chain = chainFor(host, address, direction);
      if (chain === undefined) return [];
      const [last] = listChainRules(host, { table: routed.table, name: chain }).slice(-1);
      return [{ ...known, chain, by: (last?.comment ?? "").replace(`${direction} of `, "") }];
    }),
  );
}

function chainFor(
  host: Netns,
  address: IpAddress,
  direction: Judgement["direction"],
): string | undefined {
  const place = { set: routed.judges[direction][family(address)], key: address };
  return ask(host, { found: [elementAt(place)] }).found[0]?.chain;
}
