import { describe, expect, it } from "vitest";
import { NetworkPolicies } from "./network-policies.ts";
import { readPod } from "./objects.ts";
import { readPolicy } from "./read-policy.ts";

const metadata = { namespace: "a", name: "p" };

const web = { podSelector: { matchLabels: { app: "web" } } };
const good = { ...web, policyTypes: ["Ingress"], ingress: [{}] };

/** What is said of a policy with this, and how it isolates: which pods, in which directions. */
function bad(spec: unknown): readonly unknown[] {
  const { fault, pods, ingress, egress } = readPolicy({ metadata, spec });
  expect([ingress?.length ?? 0, egress?.length ?? 0]).toEqual([0, 0]);
  return [fault, pods.key, [ingress && "ingress", egress && "egress"].filter(Boolean).join(" ")];
}

const WEB = "app=web";

describe("a policy that cannot be understood", () => {
  it("is one that is too large, of which nothing is kept but whom it isolates", () => {
    const ports = Array.from({ length: 101 }, (_, i) => ({ port: i + 1 }));
    const from = Array.from({ length: 20 }, (_, i) => ({ ipBlock: { cidr: `10.0.${i}.0/24` } }));
    const spec = { ...good, ingress: [{ from, ports }] };
    const words = "it allows 2020 peers and ports, and at most 2000 can be enforced";
    expect(bad(spec)).toEqual([words, WEB, "ingress"]);
    const kept = readPolicy({ metadata, spec }).spec;
    expect(JSON.stringify(kept).length).toBeLessThan(200);
    expect(bad(kept)).toEqual([words, WEB, "ingress"]);
    const except = Array.from({ length: 2000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
    const holes = { ...good, egress: [{ to: [{ ipBlock: { cidr: "10.0.0.0/8", except } }] }] };
    expect(bad(holes)[0]).toContain("2002 peers");
    expect(readPolicy({ metadata, spec: { ...good, ingress: [{ from }] } }).fault).toBeUndefined();
  });

  it("isolates the pods it chooses in its directions, and allows nothing", () => {
    const rule = (...ingress: readonly unknown[]) => ({ ...good, ingress: [{}, ...ingress] });
    const peer = (value: unknown) => rule({ from: [value] });
    const port = (value: unknown) => rule({ ports: [value] });
    const faults: readonly [spec: unknown, fault: string][] = [
      [rule(7), "spec.ingress[1] is no object"],
      [rule({ to: [] }), 'spec.ingress[1] has the member "to", which is not known here'],
      [{ ...good, ingress: {} }, "spec.ingress is no list"],
      [peer({}), "spec.ingress[1].from[0] has neither a selector nor an ipBlock"],
      [
        peer({ podSelector: {}, ipBlock: { cidr: "10.0.0.0/8" } }),
        "spec.ingress[1].from[0] has selectors and an ipBlock",
      ],
      [
        peer({ podSelector: { matchLabels: { a: 1 } } }),
        "spec.ingress[1].from[0].podSelector.matchLabels has a value that is no text",
      ],
      [
        peer({ namespaceSelector: { matchExpressions: [{ key: "a", operator: "Gt" }] } }),
        'spec.ingress[1].from[0].namespaceSelector.matchExpressions[0].operator is "Gt", none of In, NotIn, Exists and DoesNotExist',
      ],
      [
        peer({ podSelector: { matchExpressions: [{ key: "a", operator: "In", values: [] }] } }),
        "spec.ingress[1].from[0].podSelector.matchExpressions[0].values is empty",
      ],
      [
        peer({
          podSelector: { matchExpressions: [{ key: "a", operator: "Exists", values: ["x"] }] },
        }),
        "spec.ingress[1].from[0].podSelector.matchExpressions[0].values is not for Exists",
      ],
      [
        peer({ ipBlock: { cidr: "10.0.0.1" } }),
        'spec.ingress[1].from[0].ipBlock.cidr is "10.0.0.1", no network such as 192.0.2.0/24',
      ],
      [
        peer({ ipBlock: { cidr: "10.0.0.0/8", except: ["11.0.0.0/16"] } }),
        "spec.ingress[1].from[0].ipBlock.except[0] is not within spec.ingress[1].from[0].ipBlock.cidr",
      ],
      [port({ port: 0 }), "spec.ingress[1].ports[0] has no range of ports from 1 to 65535"],
      [
        port({ port: 9, endPort: 8 }),
        "spec.ingress[1].ports[0] has no range of ports from 1 to 65535",
      ],
      [
        port({ port: "web", endPort: 8 }),
        "spec.ingress[1].ports[0].endPort is not for a port without a number",
      ],
      [
        port({ protocol: "ICMP" }),
        'spec.ingress[1].ports[0].protocol is "ICMP", none of TCP, UDP and SCTP',
      ],
      [port({ port: true }), "spec.ingress[1].ports[0].port is true, neither a number nor a name"],
      [{ ...good, action: "Deny" }, 'spec has the member "action", which is not known here'],
    ];
    for (const [spec, fault] of faults) expect(bad(spec)).toEqual([fault, WEB, "ingress"]);
  });

  it("isolates all pods of the namespace, or both directions, if that is what is unclear", () => {
    expect(bad({ ...good, podSelector: 7 })).toEqual([
      ...["spec.podSelector is no object", "", "ingress"],
    ]);
    expect(bad({ ...good, policyTypes: ["Ingress", "Sideways"] })).toEqual([
      ...['spec.policyTypes has "Sideways", neither Ingress nor Egress', WEB, "ingress egress"],
    ]);
    expect(bad({ ...good, policyTypes: "Ingress" })).toEqual([
      ...["spec.policyTypes is no list", WEB, "ingress egress"],
    ]);
    expect(bad("?")).toEqual(["spec is no object", "", "ingress"]);
  });

  it("is refused without a name or a namespace", () => {
    expect(() => readPolicy({ metadata: { namespace: "a" } })).toThrow("it has no name");
    expect(() => readPolicy({ metadata: { name: "p" } })).toThrow("it has no namespace");
  });
});

function pod(name: string, changes: { labels?: unknown; ip?: string } = {}) {
  const { labels = { app: name }, ip = "10.0.0.1" } = changes;
  const status = { podIPs: [{ ip }] };
  return readPod({ metadata: { namespace: "a", name, labels }, spec: { nodeName: "n" }, status });
}

describe("pods", () => {
  it("that cannot be understood are isolated where others may be", () => {
    const told = new NetworkPolicies("n");
    told.setPod(pod("web", { labels: { app: 7 } }));
    expect(told.takeChanges().addresses.size).toBe(0);
    told.setPolicy(readPolicy({ metadata, spec: good }));
    told.takeChanges();
    const { addresses, chains } = told.ruleset();
    expect(addresses.get("10.0.0.1")).toMatchObject({ ingress: "ingress of nothing" });
    expect(chains.get("ingress of nothing")?.allows).toEqual([]);
    expect(addresses.get("10.0.0.1")?.egress).toBeUndefined();
  });

  it("of one address with other policies are allowed nothing until one of them is gone", () => {
    const told = new NetworkPolicies("n");
    told.setPolicy(readPolicy({ metadata, spec: good }));
    told.setPolicy(readPolicy({ metadata: { ...metadata, name: "q" }, spec: { podSelector: {} } }));
    told.setPod(pod("web"));
    told.takeChanges();
    told.setPod(pod("api"));
    expect([...told.cluster.contested]).toEqual(["10.0.0.1"]);
    const { addresses } = told.takeChanges();
    expect(addresses.get("10.0.0.1")?.ingress).toBe("ingress of nothing");
    told.deletePod("a", "web");
    expect(told.takeChanges().addresses.get("10.0.0.1")?.ingress).toBe("ingress of a/q");
    expect([...told.cluster.contested]).toEqual([]);
  });

  it("that have ended, or have the host's network, have no address here", () => {
    const made = (spec: object, phase: string) => {
      const status = { phase, podIPs: [{ ip: "10.0.0.1" }], podIP: "10.0.0.1" };
      return readPod({ metadata, spec, status });
    };
    expect(made({}, "Running").addresses).toEqual(["10.0.0.1"]);
    expect(made({}, "Failed")).toMatchObject({ addresses: [], absence: "has ended (Failed)" });
    expect(made({ hostNetwork: true }, "Running")).toMatchObject({
      ...{ addresses: [], absence: "has the host's network" },
    });
  });

  it("have ports of containers, and of those started first only if they stay", () => {
    const ports = (containerPort: number) => [{ name: "web", containerPort }];
    const spec = {
      containers: [{ ports: ports(80) }, {}, { ports: [{ containerPort: 1 }] }],
      initContainers: [{ ports: ports(81), restartPolicy: "Always" }, { ports: ports(82) }],
    };
    expect(readPod({ metadata, spec }).ports.map(({ port }) => port)).toEqual([80, 81]);
  });

  it("whose addresses cannot be read say so", () => {
    expect(pod("web", { ip: "10.0.0.256" }).fault).toBe('its address is "10.0.0.256"');
    expect(() => readPod({ metadata: {} })).toThrow("it has no name");
  });
});
