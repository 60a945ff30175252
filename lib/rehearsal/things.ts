/** What there is in a namespace, each thing under a key by which it is found again after a change. */

import { formatAddress, isLinkLocal } from "../ip/address.ts";
import { formatCidr } from "../ip/cidr.ts";
import { formatMac } from "../ip/mac.ts";
import type { Link } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import { addressMessage, listAllAddresses } from "../netlink/address.ts";
import { outputsOf, RTPROT_WEFT } from "../netlink/route.ts";
import { policyRuleMessage } from "../netlink/rule.ts";
import type { WholeRoute } from "../netlink/whole-route.ts";
import { tellRoutes, tellRules } from "./copy.ts";
import { decoded } from "./messages.ts";
import { nftThings } from "./nft-things.ts";
import { queueThings } from "./queue-things.ts";
import type { NameOf, Thing } from "./thing.ts";

/** The links of two namespaces: of the one that is meant, and of the other one. */
export interface LinksOfTwo {
  readonly own: readonly Link[];
  readonly others: readonly Link[];
}

/** All things of a namespace but its sysctls. */
export function thingsOf(ns: Netns, { own: links, others }: LinksOfTwo): readonly Thing[] {
  const names = new Map(links.map(({ index, name }) => [index, name]));
  const nameOf = (index: number) => names.get(index) ?? `link ${index}`;
  return [
    ...links.map((link) => linkThing(link, nameOf, others)),
    ...addressThings(ns, nameOf),
    ...tellRoutes(ns).flatMap((route) => routeThing(route, nameOf)),
    ...tellRules(ns).map(ruleThing),
    ...queueThings(ns, links, nameOf),
    ...nftThings(ns),
  ];
}

function linkThing(link: Link, nameOf: NameOf, others: readonly Link[]): Thing {
  const { name, kind, mtu, mac, isUp, master, alias, hairpin, isolated } = link;
  return {
    kind: "link",
    key: `link ${link.index}`,
    what: name,
    detail: {
      ...(kind === "" ? {} : { kind }),
      ...{ mtu, mac: formatMac(mac), state: isUp ? "up" : "down" },
      ...(master === 0 ? {} : { master: nameOf(master) }),
      ...besideOf(link, nameOf, others),
      ...(link.vlanId === undefined ? {} : { vlan: link.vlanId }),
      ...(link.vrfTable === undefined ? {} : { table: link.vrfTable }),
      ...(hairpin ? { hairpin } : {}),
      ...(isolated ? { isolated } : {}),
      ...(alias === "" ? {} : { alias }),
    },
  };
}

/** The other end of a pair, or the link that one is on, which may be in the other namespace. */
function besideOf(
  { index, kind, peer, isPeerHere }: Link,
  nameOf: NameOf,
  others: readonly Link[],
) {
  if (peer === 0) return {};
  const other = others.find((each) => each.index === peer && !each.isPeerHere);
  if (kind !== "veth") return { on: isPeerHere ? nameOf(peer) : nameIn(others, peer) };
  const isPair = other?.kind === "veth" && other.peer === index;
  if (isPeerHere) return { peer: nameOf(peer) };
  return isPair ? { peer: other.name } : {};
}

function nameIn(links: readonly Link[], index: number): string {
  return links.find((each) => each.index === index)?.name ?? `link ${index}`;
}

/** Those that the kernel gives every link of IPv6 by its MAC are left out. */
function addressThings(ns: Netns, nameOf: NameOf): readonly Thing[] {
  return ns.route
    .dump(listAllAddresses(), addressMessage)
    .flatMap(({ header: { index, prefixLength, scope }, attributes }) => {
      const address = attributes.local ?? attributes.address;
      const isOfMac = address?.length === 16 && address[11] === 0xff && address[12] === 0xfe;
      if (!address || (isOfMac && isLinkLocal(address))) return [];
      const text = formatCidr({ address, prefixLength });
      return [
        {
          kind: "address" as const,
          key: `address ${index} ${text}`,
          what: `${text} dev ${nameOf(index)}`,
          detail: { address: text, link: nameOf(index), ...(scope === 0 ? {} : { scope }) },
        },
      ];
    });
}

/** Those to addresses of one link, which every link of IPv6 has, are left out. */
function routeThing({ header, attributes }: WholeRoute, nameOf: NameOf): readonly Thing[] {
  const { destination, gateway, priority, preferredSource, table = header.table } = attributes;
  if (destination?.length === 16 && isLinkLocal(destination)) return [];
  const network = destination
    ? formatCidr({ address: destination, prefixLength: header.destinationLength })
    : "default";
  const links = outputsOf(attributes).map(nameOf);
  const detail = {
    destination: network,
    ...(gateway ? { gateway: formatAddress(gateway) } : {}),
    ...(links.length > 0 ? { link: links.join(",") } : {}),
    ...(priority === undefined ? {} : { metric: priority }),
    ...(table === MAIN ? {} : { table }),
    ...(preferredSource ? { source: formatAddress(preferredSource) } : {}),
    ...(header.family === AF_INET6 ? { family: 6 } : {}),
    ...(header.protocol === KERNEL ? { by: "kernel" } : {}),
    ...(header.protocol === RTPROT_WEFT ? { by: "weft" } : {}),
  };
  const via = gateway ? ` via ${formatAddress(gateway)}` : "";
  const dev = links.length > 0 ? ` dev ${links.join(",")}` : "";
  const key = `route ${header.family} ${table} ${network} ${priority ?? 0} ${via}${dev}`;
  return [{ kind: "route", key, what: `${network}${via}${dev}`, detail }];
}

const MAIN = 254;
const AF_INET6 = 10;
/** RTPROT_KERNEL, linux/rtnetlink.h. */
const KERNEL = 2;

function ruleThing(body: Uint8Array): Thing {
  const { header, attributes } = decoded(policyRuleMessage, body);
  const { source, priority = 0, table = header.table } = attributes;
  const from = source ? formatCidr({ address: source, prefixLength: header.sourceLength }) : "all";
  return {
    kind: "rule",
    key: `rule ${body.join()}`,
    what: `from ${from} lookup ${table}`,
    detail: { from, table, priority },
  };
}
