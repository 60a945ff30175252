/** Refusing ports that are the host's own, whatever a pod asks for. */

import { CniError, Code } from "../../lib/cni/error.ts";
import { RESERVED, type Reservation } from "../../lib/cni/reserved-ports.ts";
import type { PortMapping } from "../../lib/filter/port-mapping.ts";

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
    const state = `it is kept for the host: ${RESERVED} has "${holder.text}"`;
    throw new CniError(
      Code.conflict,
      `Cannot map ${protocol} port ${port} to "${ifName}": ${state}`,
    );
  }
}
