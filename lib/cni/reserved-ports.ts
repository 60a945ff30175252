/** Ports that are the host's own, whatever a pod asks for, as configurations and the node file say. */

import { configError } from "./error.ts";
import type { JsonObject } from "./json.ts";
import { listAt } from "./netconf.ts";

/** The key that has them. */
export const RESERVED = "reservedHostPorts";

/** Ports from the first to the last, of one protocol or, without, of all. */
export interface Reservation {
  /** As the configuration has it. */
  readonly text: string;
  readonly first: number;
  readonly last: number;
  readonly protocol: string | undefined;
}

/** Reads `22`, `"6443"`, `"10248-10259"` and `"53/udp"`; code 7 for anything else if `strict`. */
export function parseReserved(json: JsonObject, strict: boolean): readonly Reservation[] {
  return listAt(json, RESERVED).flatMap((entry, i) => {
    const reservation = parseEntry(String(entry));
    if (reservation) return [reservation];
    if (!strict) return [];
    const expected = 'a port, or ports and perhaps a protocol, as "10248-10259/tcp"';
    throw configError(`${RESERVED}[${i}]`, expected, entry);
  });
}

function parseEntry(text: string): Reservation | undefined {
  const entry = /^([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?(?:\/(tcp|udp|sctp))?$/i.exec(text);
  if (!entry) return undefined;
  const [, from, to = from, protocol] = entry;
  const [first, last] = [Number(from), Number(to)];
  return first <= last && last <= 65535
    ? { text, first, last, protocol: protocol?.toLowerCase() }
    : undefined;
}
