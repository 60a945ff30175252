/** What the agent says of network policies, as metrics. */

import type { PolicyHealth } from "./health.ts";
import { counter, gauge, type Metric, valueIfKnown } from "./metric.ts";

/** None where network policies are not followed. */
export function policyMetrics(health: PolicyHealth | undefined): readonly Metric[] {
  if (!health) return [];
  const { repairs, lastChange } = health;
  return [
    ...gauges.map(([name, help, measure]) =>
      gauge(`weft_network_policy_${name}`, help, [{ value: measure(health) }]),
    ),
    counter(
      "weft_network_policy_repairs_total",
      "How often rules were made right that others had changed.",
      [{ value: repairs }],
    ),
    gauge(
      "weft_network_policy_last_change_timestamp_seconds",
      "When rules changed last, since 1970.",
      valueIfKnown(lastChange === undefined ? undefined : lastChange / 1000),
    ),
    ...dropMetrics(health),
  ];
}

const gauges: readonly (readonly [string, string, (health: PolicyHealth) => number])[] = [
  ["enforced", "1 if policies are enforced.", ({ isEnforced }) => Number(isEnforced)],
  ["known", "1 once all lists have come.", ({ isKnown }) => Number(isKnown)],
  ["policies", "Policies of the cluster.", ({ policies }) => policies],
  [
    "isolated_pods",
    "Pods of this host that a policy isolates in a direction.",
    ({ isolatedPods }) => isolatedPods,
  ],
  [
    "pending_pods",
    "Pods of this host that are isolated since the cluster does not know them.",
    ({ pending }) => pending.length,
  ],
  ["contested_addresses", "Addresses that several pods have.", ({ contested }) => contested.length],
  ["faults", "Objects that cannot be used.", ({ faults }) => faults.length],
  [
    "problems",
    "What keeps policies from being known or enforced.",
    ({ problems }) => problems.length,
  ],
];

function dropMetrics({ drops }: PolicyHealth): readonly Metric[] {
  const samples = (what: "packets" | "bytes") =>
    drops.map(({ pod, direction, ...counts }) => ({
      labels: { ...podLabels(pod), direction },
      value: counts[what],
    }));
  return [
    counter(
      "weft_network_policy_dropped_packets_total",
      "Packets from or to a pod of this host that its policies have dropped.",
      samples("packets"),
    ),
    counter("weft_network_policy_dropped_bytes_total", "Their bytes.", samples("bytes")),
  ];
}

/** An address without a pod is one of no namespace. */
function podLabels(pod: string): Readonly<Record<string, string>> {
  const at = pod.indexOf("/");
  return { namespace: pod.slice(0, Math.max(0, at)), pod: pod.slice(at + 1) };
}
