/**
 * Hosts as machines write them, straight to packed texts: of thousands that is a tenth of what
 * contract/peers.ts does with each. Whatever is written otherwise, or may be wrong, is left to that.
 */

import { packCounted, unpack } from "../../bytes/packed.ts";
import { formatAddress } from "../../ip/address.ts";
import {
  isWithin,
  type PackedAddress,
  type PackedSubnet,
  packAddress,
  packCidr,
  packSubnet,
} from "../../ip/packed.ts";
import { type End, isObject, type JsonObject } from "./host.ts";
import type { Joined } from "./peers.ts";
import { keysOfEnd } from "./values.ts";
import { vtepMacOf } from "./vtep-mac.ts";

/** An end of a host (contract/host.ts), its parts as packed texts behind their lengths. */
export interface PackedEnd {
  readonly subnets: readonly PackedSubnet[];
  readonly publicIP: PackedAddress;
  readonly mac: string;
}

/** The same end, packed. */
export function packEnd({ subnets, publicIP, mac }: End): PackedEnd {
  return {
    subnets: subnets.map(packCidr),
    publicIP: packCounted(publicIP),
    mac: packCounted(mac),
  };
}

/** Reads hosts that are written as usual: their subnets in the order of the networks, no vtepMAC. */
export class UsualPeers {
  readonly #vni: number;
  readonly #networks: readonly PackedSubnet[];
  readonly #own: readonly PackedEnd[];
  /** Of each end, whether it is for the network of that number. */
  readonly #isFor: readonly (readonly boolean[])[];

  constructor({ vni, networks, ends }: Joined) {
    this.#vni = vni;
    this.#networks = networks.map(packCidr);
    this.#own = ends.map(packEnd);
    this.#isFor = ends.map((end) =>
      networks.map(({ address: { length } }) =>
        end.networks.some((each) => each.address.length === length),
      ),
    );
  }

  /** A host's ends, as `parsePeer` reads them; undefined if that has to look, or it is this host. */
  endsOf(json: unknown): readonly PackedEnd[] | undefined {
    if (!isObject(json) || !Array.isArray(json.subnet)) return undefined;
    const subnets = this.#subnetsIn(json.subnet);
    if (!subnets) return undefined;
    const ends: PackedEnd[] = [];
    for (let number = 0; number < this.#own.length; number++) {
      const end = this.#endOf(json, subnets, number);
      if (!end) return undefined;
      ends.push(end);
    }
    return ends;
  }

  #subnetsIn(texts: readonly unknown[]): readonly PackedSubnet[] | undefined {
    const networks = this.#networks;
    if (texts.length !== networks.length) return undefined;
    const subnets: PackedSubnet[] = [];
    for (let i = 0; i < texts.length; i++) {
      const text = texts[i];
      const subnet = typeof text === "string" ? packSubnet(text) : undefined;
      if (subnet === undefined || !isWithin(networks[i] ?? "", subnet)) return undefined;
      subnets.push(subnet);
    }
    return subnets;
  }

  #endOf(
    json: JsonObject,
    subnets: readonly PackedSubnet[],
    number: number,
  ): PackedEnd | undefined {
    const keys = keysOfEnd(number);
    const own = this.#own[number]?.publicIP ?? "";
    const text = json[keys.publicIP];
    if (typeof text !== "string" || json[keys.vtepMAC] !== undefined) return undefined;
    const publicIP = packAddress(text);
    if (publicIP === undefined || publicIP.length !== own.length || publicIP === own)
      return undefined;
    if (!isPlainUnicast(publicIP)) return undefined;
    for (const subnet of subnets) if (isWithin(subnet, publicIP)) return undefined;
    const mac = packCounted(vtepMacOf(canonical(text, publicIP), this.#vni));
    return { subnets: subnets.filter((_, i) => this.#isFor[number]?.[i]), publicIP, mac };
  }
}

/** What is a host's address beyond doubt, by its first byte: neither local, multicast nor reserved. */
function isPlainUnicast(address: PackedAddress): boolean {
  const [length, first] = [address.charCodeAt(0), address.charCodeAt(1)];
  if (length !== 4) return first >= 0x20 && first < 0xfe;
  return first > 0 && first < 224 && first !== 127 && first !== 169;
}

/** The text as `formatAddress` has it: of IPv4 there is one only. */
function canonical(text: string, address: PackedAddress): string {
  return address.charCodeAt(0) === 4 ? text : formatAddress(unpack(address.slice(1)));
}
