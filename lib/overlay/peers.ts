/** The other hosts of an overlay. There may be thousands, and a daemon keeps them all. */

import { unpack } from "../host/packed.ts";
import type { Cidr } from "../ip/cidr.ts";
import type { PackedSubnet } from "../ip/packed.ts";
import type { End } from "./contract/host.ts";
import { type PackedEnd, packEnd } from "./contract/usual-peer.ts";

/** Another host, as one of this host's devices sees it. */
export interface Peer extends End {
  /** True if the uplink reaches it without a router, and its packets need no wrapping. */
  readonly isDirect: boolean;
}

/** The same as packed texts: of thousands of peers that is much less work. */
export interface PackedPeer extends PackedEnd {
  readonly isDirect: boolean;
}

/** Peers in the order they were added, each kept as one short text. */
export class PeerList {
  readonly #packed: string[] = [];

  get size(): number {
    return this.#packed.length;
  }

  add(peer: Peer): void {
    this.addPacked({ ...packEnd(peer), isDirect: peer.isDirect });
  }

  addPacked({ isDirect, mac, publicIP, subnets }: PackedPeer): void {
    this.#packed.push((isDirect ? DIRECT : NOT_DIRECT) + mac + publicIP + subnets.join(""));
  }

  /** The peer of this number; throws RangeError if there is none. */
  get(index: number): Peer {
    return unpackPeer(this.#textOf(index));
  }

  #textOf(index: number): string {
    const text = this.#packed[index];
    if (text === undefined) throw new RangeError(`no peer ${index}`);
    return text;
  }

  /** The list without those whose numbers are said to be out of it. */
  without(isOut: (index: number) => boolean): PeerList {
    const list = new PeerList();
    this.#packed.forEach((text, index) => {
      if (!isOut(index)) list.#packed.push(text);
    });
    return list;
  }

  /** The addresses of all peers, packed. */
  packedAddresses(): readonly string[] {
    return this.#packed.map(addressIn);
  }

  /** Calls `each` with every peer, packed, and its number. */
  forEachPacked(each: (peer: PackedPeer, index: number) => void): void {
    this.#packed.forEach((text, index) => {
      each(partsOf(text), index);
    });
  }

  /** The peer of this number, packed; throws RangeError if there is none. */
  getPacked(index: number): PackedPeer {
    return partsOf(this.#textOf(index));
  }

  /** Calls `each` with every peer and its number. */
  forEach(each: (peer: Peer, index: number) => void): void {
    this.#packed.forEach((text, index) => {
      each(unpackPeer(text), index);
    });
  }
}

/*
 * A peer as one text: whether it is direct, its MAC, its address, its subnets; each behind its length,
 * and subnets before their prefix lengths.
 */
const [NOT_DIRECT, DIRECT] = ["\0", "\x01"];
const MAC_AT = 1;
const ADDRESS_AT = 8;

function endOfAddress(text: string): number {
  return ADDRESS_AT + 1 + text.charCodeAt(ADDRESS_AT);
}

function partsOf(text: string): PackedPeer {
  let at = endOfAddress(text);
  const [mac, publicIP] = [text.slice(MAC_AT, ADDRESS_AT), text.slice(ADDRESS_AT, at)];
  const subnets: PackedSubnet[] = [];
  while (at < text.length) {
    const end = at + 2 + text.charCodeAt(at);
    subnets.push(text.slice(at, end));
    at = end;
  }
  return { isDirect: text.startsWith(DIRECT), mac, publicIP, subnets };
}

/** A peer whose parts share one buffer. */
function unpackPeer(text: string): Peer {
  const bytes = unpack(text);
  let at = endOfAddress(text);
  const mac = bytes.subarray(MAC_AT + 1, ADDRESS_AT);
  const publicIP = bytes.subarray(ADDRESS_AT + 1, at);
  const subnets: Cidr[] = [];
  while (at < bytes.length) {
    const end = at + 1 + (bytes[at] ?? 0);
    subnets.push({ address: bytes.subarray(at + 1, end), prefixLength: bytes[end] ?? 0 });
    at = end + 1;
  }
  return { isDirect: bytes[0] === 1, mac, publicIP, subnets };
}

function addressIn(text: string): string {
  return text.slice(ADDRESS_AT + 1, endOfAddress(text));
}
