/** Rules, elements and links on this host whose owner is gone, or is nobody that is known. */

import type { Commented, ContainerChain } from "../../lib/inventory/traces.ts";
import { isOfNetwork, ownerIn, quotedNetwork } from "../../lib/net/owner.ts";
import type { Check, Examined, Finding } from "./finding.ts";
import { isNothingElse } from "./lease-unattached.ts";
import {
  hostTraces,
  type NetworkTraces,
  networkTraces,
  type TracedAttachment,
  unseenNetworks,
} from "./network-traces.ts";
import { counted, few } from "./words.ts";

export const ruleUnowned: Check = (examined) => [
  ...networkTraces(examined).flatMap(ofNetwork),
  ...ofNobody(examined),
];

function ofNetwork({ name, list, attachments, nameless }: NetworkTraces): readonly Finding[] {
  const stray = attachments.filter(isStray);
  const things = stray.flatMap((each) =>
    each.things.map(({ what }) => `${what} of container ${each.owner.containerID}`),
  );
  const all = [...things, ...nameless];
  if (all.length === 0) return [];
  const finding = `Network "${name}" has ${counted(all.length, "thing")} whose owner is gone or not known: ${few(all)}`;
  const gc = `Run "weft gc ${name} --yes"`;
  const place = list ? "" : ", with a file of the network in NETCONFPATH";
  const rest = `, and for what stays "weft del ${name} --container-id ID"`;
  return [{ id: "rule-unowned", level: "warning", finding, advice: `${gc}${place}${rest}` }];
}

/** Kept by nobody, and without any sign of life. */
function isStray(attachment: TracedAttachment): boolean {
  const { kept, isAlive, why, things } = attachment;
  if (kept || things.length === 0 || isNothingElse(attachment)) return false;
  return !isAlive || why === "nobody can tell whether it lives";
}

/** What is of no network that is known, and of no attachment where only that can be asked. */
function ofNobody(examined: Examined): readonly Finding[] {
  const networks = networkTraces(examined);
  const names = [...networks, ...unseenNetworks(examined)].map(({ name }) => name);
  const owners = networks.flatMap(({ attachments }) => attachments.map(({ owner }) => owner));
  const { elements, chains, rules } = hostTraces(examined);
  const all = [
    ...rules
      .filter(({ isOf, isOfNetwork }) => !owners.some(isOf) && !names.some(isOfNetwork))
      .map(({ what }) => what),
    ...elements.filter((each) => isOfNobody(each, names)).map(elementInWords),
    ...chains.filter((each) => isLost(each, names)).map(chainInWords),
  ];
  if (all.length === 0) return [];
  const finding = `No attachment or network that is known has ${few(all.sort())}`;
  const advice = "Delete them with nft or iptables, if you know that nothing needs them";
  return [{ id: "rule-unowned", level: "warning", finding, advice }];
}

/** What names an owner in full is found with its network. */
function isOfNobody({ comment }: Commented, names: readonly string[]): boolean {
  return ownerIn(comment) === undefined && !names.some((name) => isOfNetwork(comment, name));
}

function elementInWords({ set, comment }: Commented): string {
  return `the element of "${comment}" in set ${set} of nf_tables`;
}

/** Nothing leads to it, or what does names no network, in full or by a hash. */
function isLost({ isReached, network }: ContainerChain, names: readonly string[]): boolean {
  if (!isReached || network === undefined) return true;
  const isHash = network.startsWith("#");
  const isOf = (name: string) => quotedNetwork(name).includes(`name: "${network}" id: `);
  return !names.includes(network) && !(isHash && names.some(isOf));
}

function chainInWords({ name, table }: ContainerChain): string {
  return `chain ${name} in the ${table}`;
}
