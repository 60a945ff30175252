/** The ports of the host that lead to a container, made again where they were flushed. */

import { type Made, mending, type Part, type Sides } from "../../lib/cni/mend.ts";
import * as ports from "../../lib/filter/hostports.ts";
import type { HostPorts } from "../../lib/filter/port-mapping.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { type PortmapConfig, parsePortmapConfig } from "./config.ts";
import * as schema from "./portmap.schema.json";
import { wantedPorts } from "./wanted.ts";

function partsOf(call: Made<PortmapConfig>, { host }: Sides): readonly Part[] {
  const { config } = call;
  const wanted = wantedPorts(call);
  if (wanted.targets.length === 0) return [];
  return [
    {
      what: inWords(wanted),
      fault: () => ports.findPortMappingFault(host, wanted, config),
      make: () => lead(host, wanted, config),
    },
  ];
}

/** What came in while the rules were gone led to the host itself: datagrams would go on to. */
function lead(host: Netns, wanted: HostPorts, config: PortmapConfig): void {
  const backend = ports.addPortMappings(host, wanted, config);
  ports.openLoopback(host, wanted, backend);
  ports.forgetDatagrams(host, ports.portsOf(wanted));
}

function inWords({ targets }: HostPorts): string {
  const all = targets.flatMap(({ mappings }) =>
    mappings.map(({ protocol, port }) => `${protocol} ${port}`),
  );
  return `host ports ${[...new Set(all)].join(", ")}`;
}

export const mend = mending<PortmapConfig>(
  { name: "portmap", schema, parseConfig: parsePortmapConfig },
  partsOf,
);
