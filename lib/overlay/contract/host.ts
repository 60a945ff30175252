/** A host of a network: as others know it, and as the files tell of it. */

import { formatAddress, type IpAddress } from "../../ip/address.ts";
import { type Cidr, formatCidr } from "../../ip/cidr.ts";
import { formatMac, type Mac } from "../../ip/mac.ts";
import { keysOfEnd } from "./values.ts";

/** One end of tunnels (VTEP) of a host: what it leads to, and the addresses of its device. */
export interface End {
  /** Without host bits. */
  readonly subnets: readonly Cidr[];
  /** The address that wrapped packets are sent to. */
  readonly publicIP: IpAddress;
  readonly mac: Mac;
}

/** A host as both files tell of it; `ends` are of its only or first device, and of the second. */
export interface HostRecord {
  readonly subnets: readonly Cidr[];
  /** Without a MAC where others are to compute it. */
  readonly ends: readonly { readonly publicIP: IpAddress; readonly mac?: Mac | undefined }[];
}

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** True if a value is a JSON object (no list, no null). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object by which a file tells of a host. */
export function hostToJson({ subnets, ends }: HostRecord): JsonObject {
  const members = ends.flatMap(({ publicIP, mac }, i) => {
    const keys = keysOfEnd(i);
    const address = [keys.publicIP, formatAddress(publicIP)];
    return mac ? [address, [keys.vtepMAC, formatMac(mac)]] : [address];
  });
  return { subnet: subnets.map(formatCidr), ...Object.fromEntries(members) };
}
