/** A host as one short text: there may be thousands, and the agent keeps them all. */

import { Reader } from "../lib/bytes/codec.ts";
import { pack, unpack } from "../lib/bytes/packed.ts";
import type { Cidr } from "../lib/ip/cidr.ts";
import type { StoreHost } from "../lib/store/store.ts";

/** Two hosts that are the same have the same text. */
export type HostText = string;

/** Each part behind its length; the backend last, as it is. */
export function packHost(host: StoreHost): HostText {
  const { subnets, publicIP, publicIPv6, vtepMac, vtepMacV6, backend } = host;
  const parts = [publicIP, publicIPv6, vtepMac, vtepMacV6].map(packPart).join("");
  const cidrs = subnets.map(
    ({ address, prefixLength }) => pack([prefixLength]) + packPart(address),
  );
  return parts + pack([subnets.length]) + cidrs.join("") + backend;
}

export function unpackHost(text: HostText): StoreHost {
  const input = new Reader(unpack(text));
  const [publicIP, publicIPv6, vtepMac, vtepMacV6] = [0, 0, 0, 0].map(() => unpackPart(input));
  const subnets: Cidr[] = [];
  for (let left = input.u8(); left > 0; left--) {
    const prefixLength = input.u8();
    subnets.push({ prefixLength, address: unpackPart(input) ?? new Uint8Array() });
  }
  const backend = text.slice(text.length - input.left);
  return { subnets, publicIP, publicIPv6, vtepMac, vtepMacV6, backend };
}

export function backendOf(text: HostText): string {
  return unpackHost(text).backend;
}

function packPart(bytes: Uint8Array | undefined): string {
  return bytes ? pack([bytes.length]) + pack(bytes) : "\0";
}

function unpackPart(input: Reader): Uint8Array | undefined {
  const length = input.u8();
  return length === 0 ? undefined : input.raw(length);
}
