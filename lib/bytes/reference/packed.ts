/** The reference for packed texts in the module "codec", by what reads addresses elsewhere. */

import { parseAddress } from "../../ip/address.ts";
import { hasHostBits, parseCidr } from "../../ip/cidr.ts";

export function packAddress(text: string): string | undefined {
  const address = parseAddress(text);
  return address && !isReduced(text, address) ? counted(address) : undefined;
}

export function packSubnet(text: string): string | undefined {
  const cidr = parseCidr(text);
  const isUsual = cidr && !isReduced(text, cidr.address) && /\/\d{1,3}$/.test(text);
  if (!isUsual || hasHostBits(cidr)) return undefined;
  return counted(cidr.address) + String.fromCharCode(cidr.prefixLength);
}

/** True for IPv4 in IPv6. */
function isReduced(text: string, address: Uint8Array): boolean {
  return address.length === 4 && text.includes(":");
}

function counted(address: Uint8Array): string {
  return String.fromCharCode(address.length, ...address);
}

export function commonBits(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = a.charCodeAt(i) ^ b.charCodeAt(i);
    if (difference !== 0) return 8 * i + Math.clz32(difference) - 24;
  }
  return 8 * length;
}
