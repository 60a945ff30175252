/** Port mappings as people write them: `8080:80`, `127.0.0.1:8053:53/udp`, several with commas. */

import type { JsonObject } from "../lib/cni/json.ts";

/** What the capability portMappings is given; undefined if the text is written otherwise. */
export function portMappingsIn(text: string): readonly JsonObject[] | undefined {
  const mappings = text.split(",").map(mappingIn);
  return mappings.every((mapping) => mapping !== undefined) ? mappings : undefined;
}

/** [HOSTIP:]HOSTPORT:CONTAINERPORT[/PROTOCOL]; an address of IPv6 is in brackets. */
const MAPPING = /^(?:(\[[\da-f:.]+\]|[\d.]+):)?(\d{1,5}):(\d{1,5})(?:\/(tcp|udp|sctp))?$/i;

function mappingIn(text: string): JsonObject | undefined {
  const found = MAPPING.exec(text);
  if (!found) return undefined;
  const [, address, hostPort, containerPort, protocol = "tcp"] = found;
  const hostIP = address?.replace(/[[\]]/g, "");
  return {
    hostPort: Number(hostPort),
    containerPort: Number(containerPort),
    protocol: protocol.toLowerCase(),
    ...(hostIP === undefined ? {} : { hostIP }),
  };
}
