/** A host as one short text: there may be thousands, and the agent keeps them all. */

import { pack } from "../lib/bytes/packed.ts";
import { unpack } from "../lib/host/packed.ts";
import type { Cidr } from "../lib/ip/cidr.ts";
import type { StoreHost } from "../lib/store/store.ts";

/** So many parts come before the subnets. */
const PARTS = 4;

/** Two hosts that are the same have the same text. */
export type HostText = string;

/** Each part behind its length; the backend last, as it is. */
export function packHost(host: StoreHost): HostText {
  const { subnets, publicIP, publicIPv6, vtepMac, vtepMacV6, backend } = host;
  const parts = [publicIP, publicIPv6, vtepMac, vtepMacV6].map(packPart).join("");
  const cidrs = subnets.map(
    ({ address, prefixLength }) => String.fromCharCode(prefixLength) + packPart(address),
  );
  return parts + String.fromCharCode(subnets.length) + cidrs.join("") + backend;
}

/** The host that a text says; its addresses share one buffer. */
export function unpackHost(text: HostText): StoreHost {
  const bytes = unpack(text);
  const parts: (Uint8Array | undefined)[] = [];
  let at = 0;
  while (parts.length < PARTS) {
    const start = at + 1;
    at = start + (bytes[at] ?? 0);
    parts.push(start === at ? undefined : bytes.subarray(start, at));
  }
  const [publicIP, publicIPv6, vtepMac, vtepMacV6] = parts;
  const subnets: Cidr[] = [];
  for (let left = bytes[at++] ?? 0; left > 0; left--) {
    const start = at + 2;
    const end = start + (bytes[at + 1] ?? 0);
    subnets.push({ prefixLength: bytes[at] ?? 0, address: bytes.subarray(start, end) });
    at = end;
  }
  return { subnets, publicIP, publicIPv6, vtepMac, vtepMacV6, backend: text.slice(at) };
}

/** The same backend, without a look at the rest. */
export function backendOf(text: HostText): string {
  let at = 0;
  for (let part = 0; part < PARTS; part++) at += 1 + text.charCodeAt(at);
  let left = text.charCodeAt(at++);
  for (; left > 0; left--) at += 2 + text.charCodeAt(at + 1);
  return text.slice(at);
}

function packPart(bytes: Uint8Array | undefined): string {
  return bytes ? String.fromCharCode(bytes.length) + pack(bytes) : "\0";
}
