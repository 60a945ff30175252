/** What the agent says of itself, for people. */
import { expect, it, vi } from "vitest";
import type { Health } from "../../agent/health.ts";
import { statusLines } from "./status-words.ts";

vi.mock("host", () => ({}));

const health: Health = {
  network: "flannel",
  version: "0.1.0",
  started: 1_700_000_000_000,
  isReady: true,
  problems: [],
  limits: ["10.244.9.0/24 of 192.0.2.9 is left out"],
  store: {
    type: "etcd",
    at: "http://192.0.2.1:2379",
    problem: "Cannot connect",
    lastSync: 1_700_000_000_000,
    leaseEnds: 1_700_086_400_000,
    counts: {},
  },
  host: {
    backend: "vxlan",
    subnets: ["10.244.1.0/24"],
    ends: [{ device: "flannel.1", publicIP: "192.0.2.1", vtepMAC: "02:00:00:00:00:01" }],
    mtu: 1450,
  },
  peerCount: 1,
  repairs: 0,
  comparisons: 1,
  peers: [
    { subnets: ["10.244.2.0/24"], ends: [{ publicIP: "192.0.2.2", vtepMAC: "02:00:00:00:00:02" }] },
  ],
};

it("is the state of this host, its store and its peers", () => {
  expect(statusLines(health, 1_700_000_065_000)).toEqual([
    "network flannel: ready, weft 0.1.0, runs since 2023-11-14T22:13:20Z",
    "this host has 10.244.1.0/24 by vxlan, MTU 1450",
    "  flannel.1, public address 192.0.2.1, 02:00:00:00:00:01",
    "store etcd at http://192.0.2.1:2379: heard 1 min 5 s ago; problem: Cannot connect",
    "lease ends in 23 h 58 min unless it is renewed",
    "limited: 10.244.9.0/24 of 192.0.2.9 is left out",
    "",
    "PEER       SUBNET         VTEP MAC",
    "192.0.2.2  10.244.2.0/24  02:00:00:00:00:02",
  ]);
});

it("is said before it has joined, too", () => {
  const store = { ...health.store, problem: undefined, lastSync: undefined, leaseEnds: undefined };
  const lines = statusLines(
    {
      ...health,
      isReady: false,
      host: undefined,
      store,
      peers: [],
      limits: [],
      problems: ["no link"],
    },
    0,
  );
  expect(lines).toEqual([
    expect.stringContaining("network flannel: not ready"),
    "this host has not joined yet",
    "store etcd at http://192.0.2.1:2379: never heard",
    "problem: no link",
    "",
    "no other hosts",
  ]);
});

it("tells of network policies, and what they have dropped", () => {
  const networkPolicy = {
    ...{ isEnforced: true, isKnown: true, policies: 3, pods: 9, isolatedPods: 2, repairs: 0 },
    ...{
      pending: ["shop/new"],
      contested: ["10.244.1.7"],
      faults: ["Cannot use NetworkPolicy a/b: x"],
    },
    ...{ problems: [], lastChange: 0 },
    drops: [{ pod: "shop/db", direction: "ingress", packets: 7, bytes: 420 } as const],
  };
  const lines = statusLines({ ...health, limits: [], networkPolicy }, 4_000);
  expect(lines.slice(5, -3)).toEqual([
    "network policies enforced: 3 known, 2 pods here isolated, changed 4 s ago",
    "ignored: Cannot use NetworkPolicy a/b: x",
    "isolated: pod shop/new, which the cluster does not know",
    "contested: 10.244.1.7 is an address of several pods",
    "",
    "DROPPED OF  DIRECTION  PACKETS  BYTES",
    "shop/db     ingress    7        420",
  ]);
});
