/** An IPv4 address is 4 bytes, an IPv6 address 16; IPv4-mapped IPv6 is reduced to IPv4 when parsed. */
export type IpAddress = Uint8Array;

/** The IP version of an address. */
export type Family = 4 | 6;

/** The family an address belongs to. */
export function family(address: IpAddress): Family {
  return address.length === 4 ? 4 : 6;
}

/** Reads dotted decimal or RFC 4291 text by the rules of Go's net.ParseIP: no leading zeros, no zone. */
export function parseAddress(text: string): IpAddress | undefined {
  if (!text.includes(":")) return parseIpv4(text);
  const address = parseIpv6(text);
  return address !== undefined && isMapped(address) ? address.slice(12) : address;
}

/** Digit by digit: an octet has one at least, none that is zero before others, and is at most 255. */
function parseIpv4(text: string): IpAddress | undefined {
  const address = new Uint8Array(4);
  let octets = 0;
  let value = -1; // of the digits since the last dot
  for (let i = 0; i <= text.length; i++) {
    const digit = i === text.length ? DOT : text.charCodeAt(i) - ZERO;
    if (digit === DOT) {
      if (value < 0 || octets === 4) return undefined;
      address[octets++] = value;
      value = -1;
    } else {
      if (digit < 0 || digit > 9 || value === 0) return undefined;
      value = value < 0 ? digit : 10 * value + digit;
      if (value > 255) return undefined;
    }
  }
  return octets === 4 ? address : undefined;
}

const ZERO = 48;
/** As a digit. */
const DOT = -2;

function parseIpv6(text: string): IpAddress | undefined {
  const groups = expandGap(text.includes(".") ? rewriteDottedTail(text) : text);
  if (groups.length !== 8 || !groups.every(isGroup)) return undefined;
  const address = new Uint8Array(16);
  groups.forEach((group, i) => {
    const value = Number.parseInt(group, 16);
    address[2 * i] = value >> 8;
    address[2 * i + 1] = value;
  });
  return address;
}

/** "::ffff:10.0.0.1" becomes "::ffff:a00:1"; an unreadable tail becomes "", which no address contains. */
function rewriteDottedTail(text: string): string {
  const tail = text.lastIndexOf(":") + 1;
  const ipv4 = parseIpv4(text.slice(tail));
  return ipv4 === undefined ? "" : text.slice(0, tail) + hexGroups(ipv4).join(":");
}

/** Splits at the colons with "::" filled up to eight groups; it stands for one group at least. */
function expandGap(text: string): string[] {
  const [head = "", tail, ...more] = text.split("::");
  const before = splitGroups(head);
  if (tail === undefined) return before;
  const after = splitGroups(tail);
  const missing = 8 - before.length - after.length;
  if (missing < 1 || more.length > 0) return [];
  return [...before, ...new Array<string>(missing).fill("0"), ...after];
}

function splitGroups(text: string): string[] {
  return text === "" ? [] : text.split(":");
}

function isGroup(text: string): boolean {
  return /^[\da-f]{1,4}$/i.test(text);
}

function isMapped(address: IpAddress): boolean {
  return address.every((byte, i) => i > 11 || byte === (i < 10 ? 0 : 255));
}

/** Canonical text: dotted decimal, or RFC 5952. */
export function formatAddress(address: IpAddress): string {
  if (address.length === 4) return address.join(".");
  if (isMapped(address)) return `::ffff:${address.subarray(12).join(".")}`;
  return closeGap(`:${hexGroups(address).join(":")}:`);
}

function hexGroups(address: IpAddress): string[] {
  const groups: string[] = [];
  for (let i = 0; i < address.length; i += 2) {
    groups.push((((address[i] ?? 0) << 8) | (address[i + 1] ?? 0)).toString(16));
  }
  return groups;
}

/** Takes ":1:0:0:2:…:8:" and shortens the first of the longest runs of zeros, if longer than one. */
function closeGap(text: string): string {
  for (let zeros = ":0:0:0:0:0:0:0:0:"; zeros.length > 3; zeros = zeros.slice(2)) {
    const at = text.indexOf(zeros);
    if (at >= 0) return `${text.slice(1, at)}::${text.slice(at + zeros.length, -1)}`;
  }
  return text.slice(1, -1);
}

/** Whether two addresses are the same. */
export function equalAddresses(a: IpAddress, b: IpAddress): boolean {
  return compareAddresses(a, b) === 0;
}

/** Negative, zero or positive, for sorting; every IPv4 address comes before every IPv6 address. */
export function compareAddresses(a: IpAddress, b: IpAddress): number {
  const { length } = a;
  let difference = length - b.length;
  for (let i = 0; difference === 0 && i < length; i++) {
    difference = (a[i] ?? 0) - (b[i] ?? 0);
  }
  return difference;
}

/** The address after this one; after the last of the family comes all zeros. */
export function nextAddress(address: IpAddress): IpAddress {
  return addToAddress(address, 1);
}

/** The address before this one; before all zeros comes the last of the family. */
export function previousAddress(address: IpAddress): IpAddress {
  return addToAddress(address, -1);
}

/** The address `n` further on, or back if negative, wrapping around within the family. */
export function addToAddress(address: IpAddress, n: number): IpAddress {
  const sum = address.slice();
  for (let i = sum.length - 1, carry = n; carry !== 0 && i >= 0; i--) {
    carry += sum[i] ?? 0;
    sum[i] = carry;
    carry = Math.floor(carry / 256);
  }
  return sum;
}

/** 127.0.0.0/8 and ::1. */
export function isLoopback(address: IpAddress): boolean {
  if (address.length === 4) return address[0] === 127;
  return address.every((byte, i) => byte === (i < 15 ? 0 : 1));
}

/** 224.0.0.0/4 and ff00::/8. */
export function isMulticast(address: IpAddress): boolean {
  const first = address[0] ?? 0;
  return address.length === 4 ? first >> 4 === 14 : first === 255;
}

/** 0.0.0.0 and ::. */
export function isUnspecified(address: IpAddress): boolean {
  return address.every((byte) => byte === 0);
}

/** Unicast of one link only: 169.254.0.0/16 and fe80::/10. */
export function isLinkLocal(address: IpAddress): boolean {
  const [first = 0, second = 0] = address;
  return address.length === 4
    ? first === 169 && second === 254
    : first === 0xfe && second >> 6 === 2;
}

/** Unicast beyond one link, private ranges included, as in Go's net.IP.IsGlobalUnicast. */
export function isGlobalUnicast(address: IpAddress): boolean {
  return !(
    isUnspecified(address) ||
    isLoopback(address) ||
    isMulticast(address) ||
    isLinkLocal(address) ||
    isLimitedBroadcast(address)
  );
}

function isLimitedBroadcast(address: IpAddress): boolean {
  return address.length === 4 && address.every((byte) => byte === 255);
}
