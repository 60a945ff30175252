/** The other hosts of an overlay. There may be thousands, and a daemon keeps them all. */

import { Reader } from "../bytes/codec.ts";
import { pack, unpack } from "../bytes/packed.ts";
import type { Cidr } from "../ip/cidr.ts";
import type { End } from "./contract/host.ts";

/** Another host, as one of this host's devices sees it. */
export interface Peer extends End {
  /** True if the uplink reaches it without a router, and its packets need no wrapping. */
  readonly isDirect: boolean;
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

  /** Calls `each` with every peer and its number. */
  forEach(each: (peer: Peer, index: number) => void): void {
    this.#packed.forEach((text, index) => {
      each(unpackPeer(text), index);
    });
  }
}

const MAC_SIZE = 6;

/** Whether it is direct, its MAC, its address, its subnets; addresses behind their lengths. */
function packPeer({ isDirect, mac, publicIP, subnets }: Peer): string {
  const host = pack([+isDirect]) + pack(mac) + pack([publicIP.length]) + pack(publicIP);
  return subnets.reduce(
    (text, { address, prefixLength }) =>
      text + pack([prefixLength, address.length]) + pack(address),
    host,
  );
}

function unpackPeer(text: string): Peer {
  const input = new Reader(unpack(text));
  const isDirect = input.u8() === 1;
  const mac = input.raw(MAC_SIZE);
  const publicIP = input.raw(input.u8());
  const subnets: Cidr[] = [];
  while (input.left > 0) {
    const prefixLength = input.u8();
    subnets.push({ prefixLength, address: input.raw(input.u8()) });
  }
  return { isDirect, mac, publicIP, subnets };
}
