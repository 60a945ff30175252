/**
 * Who is heard by an overlay's device, where there is no nf_tables: as lib/overlay/guard.ts,
 * with a chain of table filter for each device, to which INPUT sends what bears its port and VNI.
 *
 *   INPUT             udp dpt:8472, u32: VNI  ->  OVERLAY-weft.1
 *   OVERLAY-weft.1    not by the uplink: DROP; from each peer: RETURN; DROP
 *
 * The kernel module xt_u32 reads the VNI. IPv6 packets with further headers, where it cannot know
 * the place, count all; and where there is no such module, all to the port do: nobody else's
 * overlay can have that then.
 */

import {
  findTable,
  IptablesError,
  lockTables,
  requireTable,
  type Table,
} from "../filter/iptables/iptables.ts";
import { deletionOf, hasChain } from "../filter/iptables/rule.ts";
import type { Family } from "../ip/address.ts";
import { formatCidr, hostCidr } from "../ip/cidr.ts";
import type { Netns } from "../net/netns.ts";
import type { Guarded, Tell } from "./overlay.ts";

const families = [4, 6] as const;

/** Makes the chain as it is to be, at once. */
export function ensureGuard(ns: Netns, guarded: Guarded, tell: Tell): void {
  lockTables(() => {
    const table = tableOf(ns, guarded);
    const found = table.list();
    if (faultIn(found, guarded) === undefined) return;
    try {
      table.change(difference(found, guarded, true));
    } catch (cause) {
      if (!(cause instanceof IptablesError)) throw cause;
      table.change(difference(found, guarded, false));
    }
    tell?.(`guard "${guarded.device}"`);
  });
}

/** What a device's guard lacks, each in words. */
export function findGuardFaults(ns: Netns, guarded: Guarded): readonly string[] {
  const fault = faultIn(tableOf(ns, guarded).list(), guarded);
  return fault === undefined ? [] : [fault];
}

/** Ends the guard of a device that is gone; none is fine. */
export function deleteGuard(ns: Netns, device: string): void {
  const chain = chainOf(device);
  for (const family of families) {
    const table = findTable(ns, "filter", { family, flavour: "default" });
    if (!table) continue;
    lockTables(() => {
      const found = table.list();
      if (!hasChain(found, chain)) return;
      const jumps = jumpsTo(chain, found).map(deletionOf);
      table.change([...jumps, `-F ${chain}`, `-X ${chain}`]);
    });
  }
}

/** What a table is to have. */
interface Rules {
  readonly jumps: readonly string[];
  readonly own: readonly string[];
}

const chainOf = (device: string) => `OVERLAY-${device}`;

function tableOf(ns: Netns, { family }: Guarded): Table {
  return requireTable(ns, "filter", { family, flavour: "default" });
}

/** As iptables-save writes them; without u32 all that goes to the port is meant. */
function rulesOf(guarded: Guarded, hasU32: boolean): Rules {
  const { device, port, family, uplink } = guarded;
  const chain = chainOf(device);
  const addresses = new Set<string>();
  guarded.peers.forEach(({ publicIP }) => {
    addresses.add(formatCidr(hostCidr(publicIP)));
  });
  const matches = hasU32 ? u32Of(family, guarded.vni) : [""];
  return {
    jumps: matches.map((match) => `-A INPUT -p udp -m udp --dport ${port}${match} -j ${chain}`),
    own: [
      `-A ${chain} ! -i ${uplink.name} -j DROP`,
      ...Array.from(addresses, (address) => `-A ${chain} -s ${address} -j RETURN`),
      `-A ${chain} -j DROP`,
    ],
  };
}

/** The VNI behind the UDP header; in IPv6 also all whose first header is not that of UDP. */
function u32Of(family: Family, vni: number): readonly string[] {
  const number = `0x${vni.toString(16)}`;
  const tests =
    family === 4
      ? [`0x0>>0x16&0x3c@0xc>>0x8=${number}`]
      : [`0x34>>0x8=${number}`, "0x4>>0x8&0xff=0x0:0x10,0x12:0xff"];
  return tests.map((test) => ` -m u32 --u32 "${test}"`);
}

/** The chain is written anew, and INPUT leads to it before all else. */
function difference(found: readonly string[], guarded: Guarded, hasU32: boolean) {
  const { jumps, own } = rulesOf(guarded, hasU32);
  const chain = chainOf(guarded.device);
  const stale = jumpsTo(chain, found).filter((line) => !jumps.includes(line));
  return [
    `:${chain} - [0:0]`,
    ...own,
    ...jumps.filter((line) => !found.includes(line)).map((line) => line.replace("-A", "-I")),
    ...stale.map(deletionOf),
  ];
}

function jumpsTo(chain: string, found: readonly string[]): readonly string[] {
  return found.filter((line) => line.startsWith("-A INPUT ") && line.endsWith(` -j ${chain}`));
}

const sorted = (lines: readonly string[]) => [...lines].sort().join("\n");

/** What is missing or too much, in words. */
function faultIn(found: readonly string[], guarded: Guarded): string | undefined {
  const chain = chainOf(guarded.device);
  const own = found.filter((line) => line.startsWith(`-A ${chain} `));
  const jumps = jumpsTo(chain, found);
  const isSame = (rules: Rules) =>
    rules.own.join("\n") === own.join("\n") && sorted(rules.jumps) === sorted(jumps);
  if ([true, false].some((hasU32) => isSame(rulesOf(guarded, hasU32)))) return undefined;
  return `anybody may send to "${guarded.device}": chain "${chain}" does not have its rules`;
}
