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

/** Group by group; what follows "::" is moved to the end, behind one group of zeros at least. */
function parseIpv6(text: string): IpAddress | undefined {
  const address = new Uint8Array(16);
  const { length } = text;
  let size = 0;
  let gap = -1; // where "::" is
  let at = text.startsWith("::") ? 1 : 0;
  if (at === 0 && text.startsWith(":")) return undefined;
  while (at < length) {
    if (text.charCodeAt(at) === COLON) {
      if (gap >= 0) return undefined;
      gap = size;
      at++;
      continue;
    }
    const colon = text.indexOf(":", at);
    const end = colon < 0 ? length : colon;
    const bytes = colon < 0 && text.includes(".", at) ? parseIpv4(text.slice(at)) : undefined;
    const group = bytes ? 0 : readGroup(text, at, end);
    const next = size + (bytes ? 4 : 2);
    if (group < 0 || next > 16 || end === length - 1) return undefined;
    if (bytes) address.set(bytes, size);
    else address.set([group >> 8, group & 255], size);
    size = next;
    at = end + 1;
  }
  if (gap < 0) return size === 16 ? address : undefined;
  return size <= 14
    ? address.copyWithin(16 - size + gap, gap, size).fill(0, gap, 16 - size + gap)
    : undefined;
}

const COLON = 58;

/** One to four hexadecimal digits as a number; -1 for anything else. */
function readGroup(text: string, start: number, end: number): number {
  if (end - start < 1 || end - start > 4) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    const letter = (text.charCodeAt(i) | 32) - 87;
    if (digit >= 0 && digit <= 9) value = 16 * value + digit;
    else if (letter >= 10 && letter <= 15) value = 16 * value + letter;
    else return -1;
  }
  return value;
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
