/**
 * Hosts that claim what is another's: subnets, addresses, hardware addresses. contract/claims.ts
 * says who of them is wrong; here they are hosts, and what is wrong is in words.
 */

import { pack } from "../../bytes/packed.ts";
import { formatAddress } from "../../ip/address.ts";
import { formatCidr } from "../../ip/cidr.ts";
import { formatMac } from "../../ip/mac.ts";
import { type Claim, Claims, type Clash, hasTouchingTexts, type Part, SPACES } from "./claims.ts";
import type { End } from "./host.ts";
import type { PackedEnd } from "./usual-peer.ts";

/** Hosts by their numbers: 0 is this host, then come those that are trusted, then all others. */
export interface Hosts {
  /** How many there are, with this host. */
  readonly count: number;
  /** How many of the others are trusted: the administrator names them. */
  readonly trusted: number;
  /** A host's ends, in the order of its devices. */
  readonly endsOf: (host: number) => readonly End[];
}

/**
 * True if no two hosts claim the same, nor one a part of what another does: so it is nearly always, and
 * then nobody needs to know who claims what. A host that is there twice is for `findClashes` to judge.
 */
export function areApart(hosts: Iterable<readonly PackedEnd[]>): boolean {
  const claims: string[] = [];
  for (const ends of hosts) {
    let macSpace = "";
    for (const { subnets, publicIP, mac } of ends) {
      for (const subnet of subnets) claims.push(subnet);
      claims.push(publicIP + WHOLE[publicIP.charCodeAt(0)]);
      claims.push((macSpace === "" ? mac : macSpace + mac.slice(1)) + WHOLE[SPACES.mac]);
      macSpace = SECOND_MAC;
    }
  }
  return !hasTouchingTexts(claims.sort());
}

/** As packed texts, the prefix lengths of all that so many bytes have. */
const WHOLE = Array.from({ length: 17 }, (_, size) => pack([8 * size]));
const SECOND_MAC = pack([SPACES.macOfSecondDevice]);

/** The numbers of those that cannot be used, each with the reason as a sentence; never this host. */
export function findClashes(hosts: Hosts): ReadonlyMap<number, string> {
  const claims = new Claims();
  for (let claimant = 0; claimant < hosts.count; claimant++) {
    for (const part of partsOf(hosts.endsOf(claimant))) claims.add({ ...part, claimant });
  }
  let numbers: readonly number[] | undefined;
  const clashes = claims.clashes({
    hostOf(claimant) {
      numbers ??= numbersOf(hosts);
      return numbers[claimant] ?? 0;
    },
    isTrusted: (claimant) => claimant <= hosts.trusted,
  });
  return new Map(Array.from(clashes, ([claimant, clash]) => [claimant, inWords(clash, hosts)]));
}

/** Entries with the same addresses, both of devices and of hosts, are of one host; this one is 0. */
function numbersOf({ count, endsOf }: Hosts): readonly number[] {
  const known = new Map<string, number>();
  return Array.from({ length: count }, (_, claimant) => {
    if (claimant === 0) return 0;
    const key = endsOf(claimant)
      .map(({ publicIP, mac }) => pack(publicIP) + pack(mac))
      .join("");
    const number = known.get(key) ?? known.size + 1;
    known.set(key, number);
    return number;
  });
}

/** What a host claims by its ends: their subnets, their addresses, their hardware addresses. */
export function partsOf(ends: readonly End[]): readonly Part[] {
  const parts: Part[] = [];
  let macSpace: number = SPACES.mac;
  for (const { subnets, publicIP, mac } of ends) {
    for (const { address, prefixLength } of subnets)
      parts.push({ space: address.length, address, prefixLength });
    const space = publicIP.length;
    parts.push({ space, address: publicIP, prefixLength: 8 * space });
    parts.push({ space: macSpace, address: mac, prefixLength: 48 });
    macSpace = SPACES.macOfSecondDevice;
  }
  return parts;
}

function inWords({ own, other }: Clash, { endsOf }: Hosts): string {
  const nameOf = ({ claimant }: Claim) =>
    claimant === 0 ? "this host" : peerName(endsOf(claimant));
  return `Cannot use ${nameOf(own)}: ${whatClashes({ own, other }, nameOf(other))}`;
}

function whatClashes({ own, other }: Clash, owner: string): string {
  const isMac = own.space === SPACES.mac || own.space === SPACES.macOfSecondDevice;
  if (isMac) return `its vtepMAC ${formatMac(own.address)} is that of ${owner}`;
  const [ours, theirs] = [own, other].map(formatCidr);
  const isAddress = ours === theirs && own.prefixLength === 8 * own.address.length;
  if (!isAddress) return `its ${ours} overlaps ${theirs} of ${owner}`;
  const more = other.claimant === 0 ? "" : ", with another vtepMAC";
  return `its address ${formatAddress(own.address)} is that of ${owner}${more}`;
}

/** A peer by its address and subnets. */
function peerName(ends: readonly End[]): string {
  const subnets = ends.flatMap((end) => end.subnets.map(formatCidr));
  const [first] = ends;
  return `peer ${first ? formatAddress(first.publicIP) : ""} (${subnets.join(", ")})`;
}
