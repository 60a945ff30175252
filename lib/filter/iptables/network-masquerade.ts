/**
 * Masquerade of a whole network by iptables, where the kernel has no nf_tables: in a chain named and
 * filled as flanneld's own, so that each replaces what the other made.
 *
 *   POSTROUTING       jumps to FLANNEL-POSTRTG, where FLANNEL is the network's name
 *   FLANNEL-POSTRTG   the rules of lib/filter/nftables/network-masquerade.ts
 */

import type { Family } from "../../ip/address.ts";
import { formatCidr } from "../../ip/cidr.ts";
import type { Netns } from "../../net/netns.ts";
import { hasLegacyNat } from "../legacy-tables.ts";
import {
  groupsOf,
  MASQUERADE_MARK,
  type NetworkMasquerade,
  type NetworkPart,
} from "../network-part.ts";
import { findNatTable, lockTables, requireTable, type Table } from "./iptables.ts";
import { comment, deletionOf, hasChain, jumpsTo, newChains, rulesIn } from "./rule.ts";

const MARK = comment("flanneld masq");

/** The chain of a network; iptables know names of 28 letters. */
export function masqueradeChain(name: string): string {
  return `${name.toUpperCase().slice(0, 20)}-POSTRTG`;
}

/** Makes a family's rules what they are to be, in one step; true if they were not. */
export function ensureMasquerade(host: Netns, of: Family, masquerade: NetworkMasquerade): boolean {
  const { rules, part } = masquerade;
  if (!part) return removeOf(host, of, rules.name);
  return lockTables(() => {
    const table = requireTable(host, "nat", { family: of, flavour: "legacy" });
    const lines = difference(table.list(), rules.name, wantedLines(masquerade, part));
    table.change(lines);
    return lines.length > 0;
  });
}

function difference(
  found: readonly string[],
  name: string,
  wanted: readonly string[],
): readonly string[] {
  const chain = masqueradeChain(name);
  const own = rulesIn(found, chain);
  const isSame = own.length === wanted.length && own.every((line, i) => line === wanted[i]);
  const jump = jumpTo(chain);
  return [
    ...newChains(found, [chain]),
    ...(isSame ? [] : [...own.map(deletionOf), ...wanted]),
    ...(found.includes(jump) ? [] : [jump]),
  ];
}

function jumpTo(chain: string): string {
  return `-A POSTROUTING ${MARK} -j ${chain}`;
}

/** As iptables-save writes them. */
function wantedLines({ rules }: NetworkMasquerade, part: NetworkPart): readonly string[] {
  const chain = masqueradeChain(rules.name);
  const [network, subnet] = [formatCidr(part.network), formatCidr(part.subnet)];
  const mark = `0x${MASQUERADE_MARK.toString(16)}`;
  const masquerade = rules.isFullyRandom ? "MASQUERADE --random-fully" : "MASQUERADE";
  const rule = (match: string, target: string) => `-A ${chain} ${match} ${MARK} -j ${target}`;
  return [
    rule(`-m mark --mark ${mark}/${mark}`, "RETURN"),
    rule(`-s ${subnet} -d ${network}`, "RETURN"),
    rule(`-s ${network} -d ${subnet}`, "RETURN"),
    rule(`! -s ${network} -d ${subnet}`, "RETURN"),
    rule(`-s ${network} ! -d ${formatCidr(groupsOf(part))}`, masquerade),
    rule(`! -s ${network} -d ${network}`, masquerade),
  ];
}

/** What a family's rules lack, in words. */
export function findMasqueradeFault(
  host: Netns,
  of: Family,
  masquerade: NetworkMasquerade,
): string | undefined {
  const { rules, part } = masquerade;
  if (!part) return undefined;
  const found = requireTable(host, "nat", { family: of, flavour: "legacy" }).list();
  const wanted = [jumpTo(masqueradeChain(rules.name)), ...wantedLines(masquerade, part)];
  const missing = wanted.find((line) => !found.includes(line));
  return missing && `the nat table of IPv${of} has no rule ${missing}`;
}

/** Takes the rules of a network away from the older packet filter; true if there were some. */
export function removeMasquerade(host: Netns, name: string): boolean {
  return ([4, 6] as const).map((of) => removeOf(host, of, name)).includes(true);
}

function removeOf(host: Netns, of: Family, name: string): boolean {
  if (!hasLegacyNat(host, of)) return false;
  const table = findNatTable(host, of, "legacy");
  const remove = () =>
    table !== undefined && removeChain(table, masqueradeChain(name), "POSTROUTING");
  return lockTables(remove);
}

/** Takes a chain away with the jumps to it from another; true if it was there. */
export function removeChain(table: Table, chain: string, from: string): boolean {
  const found = table.list();
  if (!hasChain(found, chain)) return false;
  const jumps = jumpsTo(rulesIn(found, from), chain);
  table.change([...jumps.map(deletionOf), `-F ${chain}`, `-X ${chain}`]);
  return true;
}
