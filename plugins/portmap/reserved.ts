/** Ports that are the host's own, whatever a pod asks for. */

import { CniError, Code, configError } from "../../lib/cni/error.ts";
import type { JsonObject } from "../../lib/cni/json.ts";
import { listAt } from "../../lib/cni/netconf.ts";
import type { PortMapping } from "../../lib/filter/port-mapping.ts";

const KEY = "reservedHostPorts";

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
  return listAt(json, KEY).flatMap((entry, i) => {
    const reservation = parseEntry(String(entry));
    if (reservation) return [reservation];
    if (!strict) return [];
    const expected = 'a port, or ports and perhaps a protocol, as "10248-10259/tcp"';
    throw configError(`${KEY}[${i}]`, expected, entry);
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

/** Throws code 103 for a mapping of the host's own ports, as for a port that another container has. */
export function requireUnreserved(
  mappings: readonly PortMapping[],
  reserved: readonly Reservation[],
  ifName: string,
): void {
  for (const { port, protocol } of mappings) {
    const holder = reserved.find(
      (each) => each.first <= port && port <= each.last && (each.protocol ?? protocol) === protocol,
    );
    if (!holder) continue;
    const state = `it is kept for the host: ${KEY} has "${holder.text}"`;
    throw new CniError(
      Code.conflict,
      `Cannot map ${protocol} port ${port} to "${ifName}": ${state}`,
    );
  }
}
