/** What the rules of a network's masquerade are made of, by whichever packet filter. */

import type { Cidr } from "../ip/cidr.ts";

/** kube-proxy marks so what it masquerades itself. */
export const MASQUERADE_MARK = 0x4000;

/** The part of a network that is of one family, and this host's part of that. */
export interface NetworkPart {
  readonly network: Cidr;
  readonly subnet: Cidr;
}

/** A masquerade of one family; without a part there is to be none. */
export interface NetworkMasquerade {
  readonly rules: { readonly name: string; readonly isFullyRandom: boolean };
  readonly part: NetworkPart | undefined;
}

/** Where packets go to many: 224.0.0.0/4 and ff00::/8, by the length of an address. */
export function groupsOf({ network }: NetworkPart): Cidr {
  const { length } = network.address;
  const address = new Uint8Array(length).fill(length === 4 ? 224 : 255, 0, 1);
  return { address, prefixLength: length === 4 ? 4 : 8 };
}
