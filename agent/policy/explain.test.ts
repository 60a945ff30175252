import fc from "fast-check";
import { expect, describe as group, it } from "vitest";
import { letsThrough } from "../../spec-tests/policies/slow-evaluator.ts";
import { describe, explain } from "./explain.ts";
import { knownObjects, takeObjects } from "./known-objects.ts";
import { NetworkPolicies } from "./network-policies.ts";
import type { Protocol } from "./policy.ts";

const kinds = { pod: "Pod", policy: "NetworkPolicy", space: "Namespace" };

function pod(name: string, ip: string, more: { spec?: object; phase?: string } = {}) {
  const ports = [{ name: "http", containerPort: name === "web" ? 8080 : 9090, protocol: "TCP" }];
  const spec = { nodeName: "here", containers: [{ ports }], ...more.spec };
  const metadata = { namespace: "shop", name, labels: { app: name } };
  const status = { phase: more.phase ?? "Running", podIPs: ip === "" ? [] : [{ ip }] };
  return { kind: kinds.pod, metadata, spec, status };
}

function policy(name: string, spec: object) {
  return { kind: kinds.policy, metadata: { namespace: "shop", name }, spec };
}

const space = {
  kind: kinds.space,
  metadata: { name: "shop", labels: { "kubernetes.io/metadata.name": "shop" } },
};
const pods = [pod("web", "10.0.0.1"), pod("api", "10.0.0.2"), pod("db", "10.0.0.3")];

function known(...objects: readonly object[]): NetworkPolicies {
  const all = new NetworkPolicies("here");
  expect(takeObjects(all, [space, ...pods, ...objects] as never)).toEqual([]);
  return all;
}

function ask(all: NetworkPolicies, from: string, to: string, port?: number) {
  const end = (address: string) => ({ pod: all.cluster.podsAt(address)[0], address });
  return explain(all, { from: end(from), to: end(to), protocol: "TCP", port });
}

const web = { podSelector: { matchLabels: { app: "web" } } };

group("explain", () => {
  it("says which rule of which policy allows, and what the others lack", () => {
    const all = known(
      policy("b", { ...web, ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 80 }] }] }),
      policy("a", {
        ...web,
        ingress: [
          { ports: [{ port: "http" }] },
          { from: [{ ipBlock: { cidr: "10.0.0.0/24", except: ["10.0.0.2/32"] } }] },
        ],
      }),
    );
    const { isLetThrough, ends } = ask(all, "10.0.0.2", "10.0.0.1", 8080);
    expect(isLetThrough).toBe(true);
    expect(ends).toMatchObject([
      { pod: "shop/api", direction: "egress", isIsolated: false, policies: [] },
      {
        ...{ pod: "shop/web", direction: "ingress", isIsolated: true, isLetThrough: true },
        policies: [
          {
            policy: "shop/a",
            rules: [
              { allows: "TCP port http from anyone", hasPeer: true, hasPort: true },
              {
                allows: "anything from addresses of 10.0.0.0/24 but 10.0.0.2/32",
                ...{ hasPeer: false, hasPort: true },
              },
            ],
          },
          {
            policy: "shop/b",
            rules: [
              {
                allows: "TCP port 80 from all pods of shop",
                ...{ hasPeer: true, hasPort: false },
              },
            ],
          },
        ],
      },
    ]);
    expect(ask(all, "192.0.2.1", "10.0.0.1", 81).isLetThrough).toBe(false);
    expect(ask(all, "10.0.0.1", "10.0.0.1", 81).isLetThrough).toBe(true);
  });

  it("says what is special about a pod", () => {
    const all = known(
      policy("a", { podSelector: {} }),
      pod("node", "10.0.0.9", { spec: { hostNetwork: true } }),
      pod("job", "10.0.0.1", { phase: "Succeeded" }),
      pod("new", ""),
      pod("twin", "10.0.0.3"),
    );
    const noteOf = (name: string) => {
      const found = all.cluster.pod("shop", name);
      return found && describe(all, found)[0]?.note;
    };
    expect(["node", "job", "new", "twin", "web"].map(noteOf)).toEqual([
      "it has the host's network, so no policy chooses it",
      "it has ended (Succeeded), so no policy chooses it",
      "it has no address yet",
      "shop/db has its address 10.0.0.3, too",
      undefined,
    ]);
  });

  it("agrees with a slow evaluator, also by what was told again", () => {
    const peer = fc.constantFrom(
      ...["web", "api", "db"].map((app) => ({ podSelector: { matchLabels: { app } } })),
      { namespaceSelector: {} },
      { ipBlock: { cidr: "10.0.0.0/30", except: ["10.0.0.2/32"] } },
    );
    const port = fc.constantFrom({ port: "http" }, { port: 8080, endPort: 9000 }, {}, { port: 1 });
    const rule = fc.record(
      { from: fc.array(peer, { maxLength: 2 }), ports: fc.array(port, { maxLength: 2 }) },
      { requiredKeys: [] },
    );
    const one = fc.record({
      podSelector: fc.constantFrom({}, ...["web", "db"].map((app) => ({ matchLabels: { app } }))),
      policyTypes: fc.constantFrom(["Ingress"], ["Egress"], ["Ingress", "Egress"]),
      rules: fc.array(rule, { maxLength: 2 }),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 3 }), (specs) => {
        const policies = specs.map(({ rules, ...spec }, i) => {
          const egress = rules.map(({ from, ...rest }) => (from ? { to: from, ...rest } : rest));
          return policy(`p${i}`, { ...spec, ingress: rules, egress });
        });
        const all = known(...policies);
        const again = new NetworkPolicies("here");
        const { items } = JSON.parse(JSON.stringify(knownObjects(all)));
        expect(takeObjects(again, items)).toEqual([]);
        const objects = { policies, pods, namespaces: [space] };
        for (const from of ["10.0.0.1", "10.0.0.2", "192.0.2.1"]) {
          for (const to of ["10.0.0.3", "10.0.0.1"]) {
            for (const port of [8080, 9090, 1]) {
              if (from === to) continue;
              const packet = { from, to, port, protocol: "TCP" as Protocol };
              const should = letsThrough(objects, packet, "here");
              expect(ask(all, from, to, port).isLetThrough).toBe(should);
              expect(ask(again, from, to, port).isLetThrough).toBe(should);
            }
          }
        }
      }),
      { numRuns: 50 },
    );
  });
});
