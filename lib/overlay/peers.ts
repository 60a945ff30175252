/** The other hosts of an overlay. There may be thousands, and a daemon keeps them all. */

import { pack } from "../bytes/packed.ts";
import { unpack } from "../host/packed.ts";
import type { Cidr } from "../ip/cidr.ts";
import type { End } from "./contract/host.ts";

/** Another host, as one of this host's devices sees it. */
export interface Peer extends End {
  /** True if the uplink reaches it without a router, and its packets need no wrapping. */
  readonly isDirect: boolean;
}

/** The same as texts with one character per byte: of thousands of peers that is much less work. */
export interface PackedPeer {
  readonly isDirect: boolean;
  readonly mac: string;
  readonly publicIP: string;
  readonly subnets: readonly { readonly address: string; readonly prefixLength: number }[];
}

/** Peers in the order they were added, each kept as one short text. */
export class PeerList {
  readonly #packed: string[] = [];

  get size(): number {
    return this.#packed.length;
  }

  add(peer: Peer): void {
    this.#packed.push(packPeer(peer));
  }

  /** The peer of this number; throws RangeError if there is none. */
  get(index: number): Peer {
    const text = this.#packed[index];
    if (text === undefined) throw new RangeError(`no peer ${index}`);
    return unpackPeer(text);
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

  /** Calls `each` with every peer and its number. */
  forEach(each: (peer: Peer, index: number) => void): void {
    this.#packed.forEach((text, index) => {
      each(unpackPeer(text), index);
    });
  }
}

/** Where the MAC begins, and where its address's length is. */
const MAC_AT = 1;
const LENGTH_AT = 7;

/** Whether it is direct, its MAC, its address, its subnets; addresses behind their lengths. */
function packPeer({ isDirect, mac, publicIP, subnets }: Peer): string {
  const host = pack([+isDirect]) + pack(mac) + pack([publicIP.length]) + pack(publicIP);
  return subnets.reduce(
    (text, { address, prefixLength }) =>
      text + pack([prefixLength, address.length]) + pack(address),
    host,
  );
}

/** A peer whose parts share one buffer. */
function unpackPeer(text: string): Peer {
  const bytes = unpack(text);
  let at = LENGTH_AT + 1 + (bytes[LENGTH_AT] ?? 0);
  const mac = bytes.subarray(MAC_AT, LENGTH_AT);
  const publicIP = bytes.subarray(LENGTH_AT + 1, at);
  const subnets: Cidr[] = [];
  while (at < bytes.length) {
    const start = at + 2;
    const end = start + (bytes[at + 1] ?? 0);
    subnets.push({ prefixLength: bytes[at] ?? 0, address: bytes.subarray(start, end) });
    at = end;
  }
  return { isDirect: bytes[0] === 1, mac, publicIP, subnets };
}

function partsOf(text: string): PackedPeer {
  const mac = text.slice(MAC_AT, LENGTH_AT);
  const publicIP = addressIn(text);
  const subnets: { address: string; prefixLength: number }[] = [];
  for (let at = LENGTH_AT + 1 + publicIP.length; at < text.length; ) {
    const start = at + 2;
    const end = start + text.charCodeAt(at + 1);
    subnets.push({ prefixLength: text.charCodeAt(at), address: text.slice(start, end) });
    at = end;
  }
  return { isDirect: text.charCodeAt(0) === 1, mac, publicIP, subnets };
}

function addressIn(text: string): string {
  return text.slice(LENGTH_AT + 1, LENGTH_AT + 1 + text.charCodeAt(LENGTH_AT));
}
