/** What the agent says of itself in the text format of Prometheus (0.0.4). */

import type { Summary } from "./health.ts";
import { counter, gauge, type Metric, valueIfKnown } from "./metric.ts";
import { policyMetrics } from "./policy-metrics.ts";

/** What no agent's health has: of the process, and when it is asked, in milliseconds since 1970. */
export interface Moment {
  readonly now: number;
  /** Bytes of memory that the process has; undefined if that is not known. */
  readonly memory: number | undefined;
}

/** The media type of the format. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** All metrics. */
export function metricsText(summary: Summary, moment: Moment): string {
  const all = [
    ...agentMetrics(summary, moment),
    ...storeMetrics(summary, moment),
    ...policyMetrics(summary.networkPolicy),
  ];
  return all
    .filter(({ samples }) => samples.length > 0)
    .map(textOf)
    .join("");
}

function agentMetrics(summary: Summary, { memory }: Moment): readonly Metric[] {
  const { network, version, store, host, started } = summary;
  const labels = { network, version, store: store.type, backend: host?.backend ?? "" };
  return [
    gauge("weft_agent_info", "What agent this is; always 1.", [{ labels, value: 1 }]),
    gauge("weft_agent_start_time_seconds", "When it was started, since 1970.", [
      { value: started / 1000 },
    ]),
    gauge("weft_agent_ready", "1 if this host has joined and packets find their way.", [
      { value: Number(summary.isReady) },
    ]),
    gauge("weft_agent_problems", "What keeps kernel or files from being right.", [
      { value: summary.problems.length },
    ]),
    gauge("weft_agent_peers", "Other hosts that are known.", [{ value: summary.peerCount }]),
    gauge("weft_agent_limits", "What keeps single hosts from being reached.", [
      { value: summary.limits.length },
    ]),
    counter(
      "weft_agent_repairs_total",
      "How often something was made again that others had changed.",
      [{ value: summary.repairs }],
    ),
    counter(
      "weft_agent_comparisons_total",
      "How often kernel and files were compared with the store.",
      [{ value: summary.comparisons }],
    ),
    gauge("process_resident_memory_bytes", "Resident memory size in bytes.", valueIfKnown(memory)),
  ];
}

function storeMetrics({ store }: Summary, { now }: Moment): readonly Metric[] {
  const { problem, lastSync, leaseEnds, counts } = store;
  const left = leaseEnds === undefined ? undefined : Math.max(0, leaseEnds - now) / 1000;
  const operations = Object.entries(counts).map(([operation, value]) => ({
    labels: { operation },
    value,
  }));
  return [
    gauge("weft_agent_store_up", "1 if nothing keeps the store from knowing.", [
      { value: Number(problem === undefined) },
    ]),
    gauge(
      "weft_agent_store_last_sync_timestamp_seconds",
      "When the store last told something, since 1970.",
      valueIfKnown(lastSync === undefined ? undefined : lastSync / 1000),
    ),
    gauge(
      "weft_agent_lease_seconds_left",
      "How long this host's lease lasts unless it is renewed.",
      valueIfKnown(left),
    ),
    counter(
      "weft_agent_store_operations_total",
      "What was asked of the store and what came of it, by kind.",
      operations,
    ),
  ];
}

function textOf({ name, type, help, samples }: Metric): string {
  const lines = samples.map(({ labels = {}, value }) => `${name}${labelText(labels)} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
}
