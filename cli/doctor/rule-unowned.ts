/** Rules, elements and links on this host whose owner is gone, or is nobody that is known. */

import { isOfNetwork, ownerIn, quotedNetwork } from "../../lib/net/owner.ts";
import type { Check, Examined, Finding } from "./finding.ts";
import { isNothingElse } from "./lease-unattached.ts";
import {
  hostTraces,
  type NetworkTraces,
  networkTraces,
  type TracedAttachment,
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

/** What names no network that is known, in full or by a hash; and chains that nothing leads to. */
function ofNobody(examined: Examined): readonly Finding[] {
  const networks = networkTraces(examined);
  const names = networks.map(({ name }) => name);
  const owners = networks.flatMap(({ attachments }) => attachments.map(({ owner }) => owner));
  const { elements, chains, rules } = hostTraces(examined);
  const lost = elements.filter(({ comment }) => {
    const isNamed = names.some((name) => isOfNetwork(comment, name));
    return !isNamed && ownerIn(comment) === undefined;
  });
  const unknown = chains.filter(({ isReached, network }) => {
    return !isReached || network === undefined || !isKnown(names, network);
  });
  const foreign = rules.filter(
    ({ isOf, isOfNetwork }) => !owners.some(isOf) && !names.some(isOfNetwork),
  );
  const all = [
    ...foreign.map(({ what }) => what),
    ...lost.map(({ set, comment }) => `the element of "${comment}" in set ${set} of nf_tables`),
    ...unknown.map(({ name, table }) => `chain ${name} in the ${table}`),
  ];
  if (all.length === 0) return [];
  const finding = `No attachment or network that is known has ${few(all.sort())}`;
  const advice = "Delete them with nft or iptables, if you know that nothing needs them";
  return [{ id: "rule-unowned", level: "warning", finding, advice }];
}

function isKnown(names: readonly string[], network: string): boolean {
  return names.some((name) => quotedNetwork(name).includes(`name: "${network}" id: `));
}
