/** Queueing disciplines, their filters, and neighbours of vxlan devices. */

import type { ReadOf } from "../bytes/layout.ts";
import { formatAddress } from "../ip/address.ts";
import { formatMac } from "../ip/mac.ts";
import type { Link } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import { AF_INET, AF_INET6 } from "../netlink/address.ts";
import { NetlinkError } from "../netlink/error.ts";
import { filterMessage, listFilters, redirectOf, TC_H_INPUT } from "../netlink/filter.ts";
import { AF_BRIDGE } from "../netlink/link.ts";
import { listNeighbours, NUD_PERMANENT, neighbourMessage } from "../netlink/neighbour.ts";
import { listQdiscs, qdiscMessage } from "../netlink/qdisc.ts";
import type { NameOf, Thing } from "./thing.ts";

/** What somebody has set of how links send and receive; what the kernel does by itself is not told. */
export function queueThings(ns: Netns, links: readonly Link[], nameOf: NameOf): readonly Thing[] {
  const qdiscs = listOrNone(() => ns.route.dump(listQdiscs(), qdiscMessage)).filter(
    ({ header }) => header.handle !== 0,
  );
  const withInput = qdiscs.filter(({ attributes }) =>
    ["ingress", "clsact"].includes(attributes.kind),
  );
  return [
    ...links.filter(({ kind }) => kind === "vxlan").flatMap((link) => neighbourThings(ns, link)),
    ...qdiscs.map(({ header, attributes }) => ({
      kind: "qdisc" as const,
      key: `qdisc ${header.index} ${header.parent}`,
      what: `${attributes.kind} dev ${nameOf(header.index)}`,
      detail: { link: nameOf(header.index), type: attributes.kind, ...rateOf(attributes) },
    })),
    ...withInput.flatMap(({ header: { index } }) =>
      filterThings(ns, { index, name: nameOf(index) }, nameOf),
    ),
  ];
}

/** What this kernel does not have is not there. */
function listOrNone<T>(list: () => readonly T[]): readonly T[] {
  try {
    return list();
  } catch (cause) {
    if (cause instanceof NetlinkError) return [];
    throw cause;
  }
}

type Qdisc = ReadOf<typeof qdiscMessage>["attributes"];

/** A tick of the kernel's, in seconds (PSCHED_SHIFT). */
const TICK = 64e-9;

/** Bits a second, and bytes of a burst: the kernel has it in ticks. */
function rateOf(qdisc: Qdisc) {
  if (qdisc.kind !== "tbf" || !qdisc.data || !("parameters" in qdisc.data)) return {};
  const { parameters, rate64 } = qdisc.data as {
    readonly parameters?: { readonly rate?: { readonly rate?: number }; readonly buffer?: number };
    readonly rate64?: number;
  };
  const rate = rate64 ?? parameters?.rate?.rate ?? 0;
  return { rate: rate * 8, burst: Math.round((parameters?.buffer ?? 0) * TICK * rate) };
}

function filterThings(
  ns: Netns,
  link: { readonly index: number; readonly name: string },
  nameOf: NameOf,
): readonly Thing[] {
  const found = listOrNone(() => ns.route.dump(listFilters(link, TC_H_INPUT), filterMessage));
  return found.flatMap(({ header, attributes }) => {
    const target = redirectOf(attributes);
    if (target === undefined) return [];
    return [
      {
        kind: "filter" as const,
        key: `filter ${link.index} ${header.info} ${header.handle}`,
        what: `input of ${link.name} to ${nameOf(target)}`,
        detail: { link: link.name, to: nameOf(target) },
      },
    ];
  });
}

function neighbourThings(ns: Netns, link: Link): readonly Thing[] {
  return [AF_INET, AF_INET6, AF_BRIDGE].flatMap((family) =>
    listOrNone(() => ns.route.dump(listNeighbours(link, family), neighbourMessage))
      .filter(({ header }) => header.index === link.index && header.state & NUD_PERMANENT)
      .map(({ attributes: { destination, mac } }) => {
        const address = destination ? formatAddress(destination) : "";
        const hardware = mac ? formatMac(mac) : "";
        return {
          kind: "neighbour" as const,
          key: `neighbour ${family} ${link.index} ${family === AF_BRIDGE ? hardware : address}`,
          what: `${family === AF_BRIDGE ? `${hardware} at ${address}` : `${address} is ${hardware}`} dev ${link.name}`,
          detail: { link: link.name, address, mac: hardware },
        };
      }),
  );
}
