import { formatAddress, type IpAddress, parseAddress } from "./address.ts";

/** An address with the length of its network's prefix; host bits may be set. */
export interface Cidr {
  readonly address: IpAddress;
  readonly prefixLength: number;
}

/**
 * Reads "address/length" by the rules of Go's net.ParseCIDR and keeps the host bits. IPv4-mapped
 * text is reduced to IPv4, its length by 96; a shorter length reaches beyond IPv4 and is refused.
 */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf("/");
  const address = slash < 0 ? undefined : parseAddress(text.slice(0, slash));
  const digits = text.slice(slash + 1);
  if (address === undefined || !DIGITS.test(digits)) return undefined;

  const bits = address.length * 8;
  const mapped = bits === 32 && text.includes(":");
  const prefixLength = mapped ? Number(digits) - 96 : Number(digits);
  return prefixLength >= 0 && prefixLength <= bits ? { address, prefixLength } : undefined;
}

const DIGITS = /^\d+$/;

/** Canonical "address/length". */
export function formatCidr(cidr: Cidr): string {
  return `${formatAddress(cidr.address)}/${cidr.prefixLength}`;
}

/** The same network with the host bits cleared. */
export function networkOf(cidr: Cidr): Cidr {
  return { address: firstAddress(cidr), prefixLength: cidr.prefixLength };
}

/** The network address: all host bits zero. */
export function firstAddress(cidr: Cidr): IpAddress {
  const address = cidr.address.slice();
  for (let i = cidr.prefixLength >> 3; i < address.length; i++) {
    address[i] = (address[i] ?? 0) & maskByte(cidr.prefixLength, i);
  }
  return address;
}

/** The end of the network, the broadcast address in IPv4: all host bits one. */
export function lastAddress(cidr: Cidr): IpAddress {
  return cidr.address.map((byte, i) => byte | ~maskByte(cidr.prefixLength, i));
}

/** Whether the address lies in the network. */
export function containsAddress(cidr: Cidr, address: IpAddress): boolean {
  return samePrefix(cidr.address, address, cidr.prefixLength);
}

/** Whether the networks share an address. */
export function overlapCidrs(a: Cidr, b: Cidr): boolean {
  return samePrefix(a.address, b.address, Math.min(a.prefixLength, b.prefixLength));
}

/** Whether the address is more than the network address. */
export function hasHostBits(cidr: Cidr): boolean {
  const { address, prefixLength } = cidr;
  for (let i = prefixLength >> 3; i < address.length; i++) {
    if ((address[i] ?? 0) & ~maskByte(prefixLength, i)) return true;
  }
  return false;
}

/** The network of this address alone: /32 or /128. */
export function hostCidr(address: IpAddress): Cidr {
  return { address, prefixLength: address.length * 8 };
}

function samePrefix(a: IpAddress, b: IpAddress, prefixLength: number): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; 8 * i < prefixLength; i++) {
    if (((a[i] ?? 0) ^ (b[i] ?? 0)) & maskByte(prefixLength, i)) return false;
  }
  return true;
}

/** Byte `i` of the netmask. */
export function maskByte(prefixLength: number, i: number): number {
  const ones = Math.min(Math.max(prefixLength - 8 * i, 0), 8);
  return (0xff00 >> ones) & 0xff;
}
