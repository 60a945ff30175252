/** What lists of a policy say of a connection: read word by word, by nothing of the product. */
import type { ProbeProtocol } from "./probes.ts";

/** One entry of a list; `peers` is its `from` or `to`. */
export interface ListEntry {
  readonly peers?: readonly string[] | undefined;
  readonly except?: readonly string[] | undefined;
  readonly ports?: readonly string[] | undefined;
}

/** One direction. */
export interface Lists {
  readonly deny?: readonly ListEntry[] | undefined;
  readonly allow?: readonly ListEntry[] | undefined;
}

/** A connection as one direction sees it. */
export interface Asked {
  readonly peer: string;
  readonly protocol: ProbeProtocol;
  readonly port: number;
}

/** Whether a connection may be. */
export function isLet({ deny = [], allow }: Lists, asked: Asked): boolean {
  if (deny.some((entry) => isMeant(entry, asked))) return false;
  return allow === undefined || allow.some((entry) => isMeant(entry, asked));
}

function isMeant({ peers, except = [], ports }: ListEntry, asked: Asked): boolean {
  const isIn = (network: string) => contains(network, asked.peer);
  const isThere = peers === undefined || peers.some(isIn);
  const isAsked = ports === undefined || ports.some((each) => hasPort(each, asked));
  return isThere && !except.some(isIn) && isAsked;
}

function hasPort(text: string, { protocol, port }: Asked): boolean {
  const [ports, name = ports] = text.split("/");
  if (name !== protocol) return false;
  if (ports === name) return true;
  const [first, last = first] = (ports ?? "").split("-").map(Number);
  return first !== undefined && last !== undefined && first <= port && port <= last;
}

/** Whether an address, or a whole network, is in a network; an address is a network of one. */
export function contains(network: string, part: string): boolean {
  const [outer, inner] = [bitsOf(network), bitsOf(part)];
  return outer.isIpv6 === inner.isIpv6 && inner.bits.startsWith(outer.bits);
}

/** The bits that all addresses of a network have in common, as zeros and ones. */
function bitsOf(network: string): { readonly isIpv6: boolean; readonly bits: string } {
  const [address = "", length] = network.split("/");
  const isIpv6 = address.includes(":");
  const bits = isIpv6
    ? wordsOf(address)
    : address.split(".").map((each) => binary(Number(each), 8));
  return {
    isIpv6,
    bits: bits.join("").slice(0, length === undefined ? undefined : Number(length)),
  };
}

function wordsOf(address: string): readonly string[] {
  const [head = [], tail = []] = address
    .split("::")
    .map((part) => part.split(":").filter((word) => word !== ""));
  const missing = Array.from({ length: 8 - head.length - tail.length }, () => "0");
  const words = address.includes("::") ? [...head, ...missing, ...tail] : head;
  return words.map((word) => binary(Number.parseInt(word, 16), 16));
}

function binary(value: number, digits: number): string {
  return value.toString(2).padStart(digits, "0");
}
