/** Subnets of networks against each other, against the bridges that are there, and against routes. */

import { equalAddresses } from "../../lib/ip/address.ts";
import { type Cidr, formatCidr, networkOf, overlapCidrs } from "../../lib/ip/cidr.ts";
import { overlapRanges } from "../../lib/ip/range.ts";
import type { Link } from "../../lib/net/link.ts";
import { MAIN_TABLE, type TableRoute } from "../../lib/net/table.ts";
import type { Check, Examined, Finding } from "./finding.ts";
import { bridgesOf, inWords, member, type Network, networksOf, type Pool } from "./networks.ts";

/** linux/rtnetlink.h */
const RTN_UNICAST = 1;

/** So begin the aliases of all links of this suite, also of those that a network's hosts share. */
const OWN = "weft";

export const subnets: Check = (examined) => {
  const networks = networksOf(examined);
  const pairs = networks.flatMap((one, i) =>
    networks.slice(i + 1).map((other) => [one, other] as const),
  );
  return [
    ...pairs.flatMap(([one, other]) => between(one, other)),
    ...bridgesOf(examined).flatMap(({ link, networks: own }) => onBridge(examined, link, own)),
    ...networks.filter(({ isRouted }) => isRouted).flatMap((network) => onHost(examined, network)),
  ];
};

/* ---- networks against each other ---- */

/** Two networks keep their leases apart: what both hand out is given to two containers. */
function between(one: Network, other: Network): readonly Finding[] {
  const shared = one.pools.flatMap((pool) =>
    other.pools
      .filter(({ subnet }) => overlapCidrs(pool.subnet, subnet))
      .map((each) => ({ pool, each })),
  );
  if (shared.length === 0) return [];
  const isDoubled = shared.some(({ pool, each }) => overlapRanges(pool.range, each.range));
  const isRouted = one.isRouted && other.isRouted;
  const names = `Networks ${inWords(one)} and ${inWords(other)}`;
  const level = isRouted ? "error" : "warning";
  if (isDoubled) {
    const finding = `${names} hand out the same addresses, each without knowing of the other`;
    return [
      {
        id: "subnet-shared",
        level,
        finding,
        advice: "Give one of them another subnet, or ranges that do not overlap",
      },
    ];
  }
  if (!isRouted || one.bridge === other.bridge) return [];
  const finding = `${names} share a subnet, but not a bridge: the host can route it to one of them only`;
  return [
    {
      id: "subnet-overlap",
      level,
      finding,
      advice: "Give one of them another subnet, or the other's bridge",
    },
  ];
}

/* ---- bridges that are there ---- */

/** An address that keeps the gateway from being added: ADD refuses to exchange it by itself. */
function onBridge(
  { addresses }: Examined,
  { name, index }: Link,
  networks: readonly Network[],
): readonly Finding[] {
  const found = addresses.filter(({ link }) => link === index).map(({ cidr }) => cidr);
  return networks.filter(getsGateways).flatMap((network) =>
    network.pools.flatMap((pool): readonly Finding[] => {
      const gateway = gatewayOf(pool);
      const other = found.find((cidr) => overlapCidrs(cidr, gateway));
      if (!other || found.some((cidr) => isSame(cidr, gateway))) return [];
      return [
        {
          ...{ id: "bridge-address", level: "error" },
          finding: `Bridge "${name}" has ${formatCidr(other)}, but network "${network.name}" wants ${formatCidr(gateway)} there, and cannot attach`,
          advice:
            'Take the address away once no container uses it, or write "forceAddress": true into the list',
        },
      ];
    }),
  );
}

function getsGateways({ main }: Network): boolean {
  const isTrue = (key: string) => member(main, key) === true;
  return (isTrue("isGateway") || isTrue("isDefaultGateway")) && !isTrue("forceAddress");
}

function gatewayOf({ gateway, subnet }: Pool): Cidr {
  return { address: gateway, prefixLength: subnet.prefixLength };
}

function isSame(a: Cidr, b: Cidr): boolean {
  return a.prefixLength === b.prefixLength && equalAddresses(a.address, b.address);
}

/* ---- what the host reaches elsewhere ---- */

/** Routes of the host by links that are not the network's, for a part of its subnet or around it. */
function onHost(examined: Examined, network: Network): readonly Finding[] {
  const { routes } = examined;
  const foreign = routes.filter((route) => isForeign(examined, route, network));
  return network.pools.flatMap(({ subnet }) => {
    const crossing = foreign.filter(({ destination }) => overlapCidrs(destination, subnet));
    return crossing.flatMap((route) => routeFinding(examined, network, { subnet, route }));
  });
}

function isForeign({ links }: Examined, route: TableRoute, { bridge }: Network): boolean {
  const { table, outputs, message, destination } = route;
  const isPlain = table === MAIN_TABLE && message.header.type === RTN_UNICAST;
  const isOwn = ({ name, alias }: Link) => name === bridge || alias.startsWith(OWN);
  const own = links.filter(isOwn).map(({ index }) => index);
  return isPlain && destination.prefixLength > 0 && !outputs.some((index) => own.includes(index));
}

/** A wider route by a gateway is how a site reaches its nodes: only a wider subnet of a link counts. */
function routeFinding(
  { links }: Examined,
  network: Network,
  { subnet, route }: { readonly subnet: Cidr; readonly route: TableRoute },
): readonly Finding[] {
  const { destination, isDirect, outputs } = route;
  const isPart = destination.prefixLength >= subnet.prefixLength;
  if (!isPart && !isDirect) return [];
  const link = links.find(({ index }) => index === outputs[0])?.name ?? "another link";
  const lost = isPart
    ? "and containers in that part are not reached"
    : "and hosts in that part are not reached";
  return [
    {
      ...{ id: "subnet-route", level: isPart ? "error" : "warning" },
      finding: `The host routes ${formatCidr(networkOf(destination))} by "${link}", which overlaps ${formatCidr(subnet)} of network "${network.name}", ${lost}`,
      advice: "Give the network a subnet that nobody else uses",
    },
  ];
}
