/** An attachment for people: its parts, one line a thing, behind what each part is. */

import { oneLine } from "../../lib/cni/error.ts";
import type { Judgement } from "../../lib/inventory/network-policies.ts";
import type { SeenLink } from "../../lib/net/seen.ts";
import type { HostLink, InsideLink } from "./closely.ts";
import { orDash } from "./columns.ts";
import { mappingInWords, rateInWords, ratesInWords } from "./facts.ts";
import type { Shown } from "./shown.ts";

/** All lines of an attachment, of which the first names it. */
export function partsInWords(shown: Shown): readonly string[] {
  const { network, containerID, ifName, plugins, netns, kept, differences } = shown;
  return [
    oneLine(`${ifName} of container ${containerID} in network ${network}`),
    ...part("state", [`${shown.isAlive ? "alive" : "gone"}: ${shown.why}`]),
    ...part("made by", [shown.madeBy + (plugins.length > 0 ? `, list ${plugins.join(", ")}` : "")]),
    ...part("namespace", [orDash(netns)]),
    ...part("addresses", [orDash(shown.addresses.join(", "))]),
    ...part("ports", shown.hostPorts.map(mappingInWords)),
    ...part("rates", [ratesInWords(shown.rates)].filter(isSaid)),
    ...part("inside", shown.inside ? insideInWords(shown.inside) : [shown.insideFault ?? ""]),
    ...part("host", shown.host.flatMap(hostInWords)),
    ...part("policies", shown.networkPolicies.map(judgementInWords)),
    ...part(
      "has",
      shown.things.filter(isOther).map(({ what }) => what),
    ),
    ...part("kept", keptInWords(kept)),
    ...part("differs", differences),
  ];
}

const WIDTH = 12;

function part(title: string, lines: readonly string[]): readonly string[] {
  return lines.map((line, i) => oneLine(`  ${(i === 0 ? title : "").padEnd(WIDTH)}${line}`));
}

function isSaid(text: string): boolean {
  return text !== "";
}

function judgementInWords({ address, direction, chain, by, packets, bytes }: Judgement): string {
  const state = chain === "" ? "isolated" : `by ${by}, chain ${chain}`;
  const why = chain === "" ? `: ${by}` : "";
  return `${direction} of ${address} ${state}${why}, ${packets} packets of ${bytes} bytes dropped`;
}

/** Links, and what is on them, have a part of their own; filters have none. */
function isOther({ kind, what }: Shown["things"][number]): boolean {
  return !["link", "address", "qdisc"].includes(kind) || what.startsWith("filter ");
}

function linkInWords({ name, kind, mac, mtu, isUp, alias }: SeenLink): string {
  const mark = alias === "" ? "" : `, alias "${alias}"`;
  return `${name}: ${orDash(kind)} ${mac} mtu ${mtu} ${isUp ? "up" : "down"}${mark}`;
}

function insideInWords(inside: InsideLink): readonly string[] {
  const { addresses, routes } = inside;
  return [
    linkInWords(inside),
    ...addresses.map((address) => `address ${address}`),
    ...routes.map(({ to, via }) => `route ${to}${via === undefined ? "" : ` via ${via}`}`),
  ];
}

function hostInWords(link: HostLink): readonly string[] {
  const { master, addresses, qdiscs, neighbours } = link;
  const rateOf = (rate: number | undefined) =>
    rate === undefined ? "" : ` rate ${rateInWords(rate)}`;
  return [
    linkInWords(link) + (master === undefined ? "" : `, port of ${master}`),
    ...addresses.map((address) => `address ${address} of ${link.name}`),
    ...qdiscs.map(
      ({ kind, handle, rate }) => `qdisc ${kind} ${handle}: of ${link.name}${rateOf(rate)}`,
    ),
    ...neighbours.map(({ kind, address, mac, dev }) =>
      kind === "fdb" ? `fdb ${mac} on ${dev}` : `neighbour ${address} is ${mac} on ${dev}`,
    ),
  ];
}

function keptInWords(kept: Shown["kept"]): readonly string[] {
  if (!kept) return ["nothing"];
  const { result, args, capabilities } = kept;
  const isEmpty = (value: unknown) => ["[]", "{}", "null"].includes(JSON.stringify(value));
  return [
    isEmpty(result) ? "no result" : `result ${JSON.stringify(result)}`,
    ...(isEmpty(args) ? [] : [`arguments ${JSON.stringify(args)}`]),
    ...(isEmpty(capabilities) ? [] : [`capabilities ${JSON.stringify(capabilities)}`]),
  ];
}
