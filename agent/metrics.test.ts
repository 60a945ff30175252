/** What is told is in Prometheus' text format, by its grammar. */
import { describe, expect, it } from "vitest";
import type { PolicyHealth, Summary } from "./health.ts";
import { metricsText } from "./metrics.ts";

const summary: Summary = {
  network: 'f"l\\a\nn',
  version: "0.1.0",
  started: 1_700_000_000_500,
  isReady: true,
  problems: [],
  limits: ["one"],
  store: {
    type: "etcd",
    at: "https://192.0.2.1:2379",
    problem: undefined,
    lastSync: 1_700_000_001_000,
    leaseEnds: 1_700_000_003_500,
    counts: { requests: 3, failures: 0 },
  },
  host: { backend: "vxlan", subnets: ["10.244.1.0/24"], ends: [], mtu: 1450 },
  peerCount: 5000,
  repairs: 2,
  comparisons: 7,
};
const moment = { now: 1_700_000_002_000, memory: 4096 };

/** The metrics of a text by name and labels; throws where it is not by the grammar. */
function parse(text: string): Map<string, number> {
  expect(text).toMatch(/\n$/);
  const values = new Map<string, number>();
  const types = new Map<string, string>();
  const helped = new Set<string>();
  for (const line of text.trimEnd().split("\n")) {
    const [, help] = /^# HELP ([a-z_]+) [A-Z1][^\n]*\.$/.exec(line) ?? [];
    const [, typed = "", type = ""] = /^# TYPE ([a-z_]+) (gauge|counter)$/.exec(line) ?? [];
    const [, name = "", labels = "", value] =
      /^([a-z_]+)(\{(?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)+\})? (-?[\d.]+(?:e[+-]?\d+)?)$/.exec(
        line,
      ) ?? [];
    if (help !== undefined) helped.add(help);
    else if (type !== "") types.set(typed, type);
    else {
      if (value === undefined) throw new Error(`no line of the format: ${line}`);
      expect([...types.keys()].at(-1)).toBe(name);
      expect(values.has(name + labels)).toBe(false);
      values.set(name + labels, Number(value));
    }
  }
  for (const [name, type] of types) {
    expect(helped).toContain(name);
    expect(name.endsWith("_total")).toBe(type === "counter");
  }
  return values;
}

describe("metrics", () => {
  it("tell all there is", () => {
    expect(Object.fromEntries(parse(metricsText(summary, moment)))).toEqual({
      'weft_agent_info{network="f\\"l\\\\a\\nn",version="0.1.0",store="etcd",backend="vxlan"}': 1,
      weft_agent_start_time_seconds: 1_700_000_000.5,
      weft_agent_ready: 1,
      weft_agent_problems: 0,
      weft_agent_peers: 5000,
      weft_agent_limits: 1,
      weft_agent_repairs_total: 2,
      weft_agent_comparisons_total: 7,
      process_resident_memory_bytes: 4096,
      weft_agent_store_up: 1,
      weft_agent_store_last_sync_timestamp_seconds: 1_700_000_001,
      weft_agent_lease_seconds_left: 1.5,
      'weft_agent_store_operations_total{operation="requests"}': 3,
      'weft_agent_store_operations_total{operation="failures"}': 0,
    });
  });

  it("tell of network policies, and what of each pod is dropped", () => {
    const networkPolicy: PolicyHealth = {
      ...{ isEnforced: true, isKnown: true, policies: 3, pods: 9, isolatedPods: 2 },
      ...{ pending: ["shop/new"], contested: [], faults: ["one"], problems: [], repairs: 1 },
      lastChange: 1_700_000_001_500,
      drops: [
        { pod: "shop/db", direction: "ingress", packets: 7, bytes: 420 },
        { pod: "10.244.1.9", direction: "egress", packets: 1, bytes: 60 },
      ],
    };
    const values = parse(metricsText({ ...summary, networkPolicy }, moment));
    const found = [...values].filter(([name]) => name.startsWith("weft_network_policy_"));
    expect(Object.fromEntries(found)).toEqual({
      weft_network_policy_enforced: 1,
      weft_network_policy_known: 1,
      weft_network_policy_policies: 3,
      weft_network_policy_isolated_pods: 2,
      weft_network_policy_pending_pods: 1,
      weft_network_policy_contested_addresses: 0,
      weft_network_policy_faults: 1,
      weft_network_policy_problems: 0,
      weft_network_policy_repairs_total: 1,
      weft_network_policy_last_change_timestamp_seconds: 1_700_000_001.5,
      'weft_network_policy_dropped_packets_total{namespace="shop",pod="db",direction="ingress"}': 7,
      'weft_network_policy_dropped_packets_total{namespace="",pod="10.244.1.9",direction="egress"}': 1,
      'weft_network_policy_dropped_bytes_total{namespace="shop",pod="db",direction="ingress"}': 420,
      'weft_network_policy_dropped_bytes_total{namespace="",pod="10.244.1.9",direction="egress"}': 60,
    });
  });

  it("leave out what is not known", () => {
    const store = {
      ...summary.store,
      problem: "away",
      lastSync: undefined,
      leaseEnds: undefined,
      counts: {},
    };
    const values = parse(
      metricsText(
        { ...summary, isReady: false, host: undefined, store },
        { now: 0, memory: undefined },
      ),
    );
    expect(values.get("weft_agent_store_up")).toBe(0);
    expect(values.get("weft_agent_ready")).toBe(0);
    expect(values.has("weft_agent_lease_seconds_left")).toBe(false);
    expect(values.has("weft_agent_store_last_sync_timestamp_seconds")).toBe(false);
  });

  it("never tell that a lease lasts less than no time", () => {
    const values = parse(metricsText(summary, { ...moment, now: 2e12 }));
    expect(values.get("weft_agent_lease_seconds_left")).toBe(0);
  });
});
