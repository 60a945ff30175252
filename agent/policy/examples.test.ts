import { describe, expect, it } from "vitest";
import { letsThrough } from "../../spec-tests/policies/slow-evaluator.ts";
import { FilterModel } from "./filter-model.ts";
import { NetworkPolicies } from "./network-policies.ts";
import { readNamespace, readPod } from "./objects.ts";
import { readPolicy } from "./read-policy.ts";

/*
 * Two namespaces: "shop" with web, api and db, "watch" with a monitor and web. All are on this host
 * but the last; 192.0.2.1 is outside.
 */
const at: Readonly<Record<string, string>> = {
  web: "10.244.0.2",
  api: "10.244.0.3",
  db: "10.244.0.4",
  monitor: "10.244.0.5",
  "watch/web": "10.244.1.2",
  outside: "192.0.2.1",
};

function pod(namespace: string, name: string, ports: readonly unknown[] = []) {
  const ip = at[namespace === "watch" && name === "web" ? "watch/web" : name];
  const nodeName = ip === at["watch/web"] ? "there" : "here";
  const metadata = { namespace, name, labels: { app: name } };
  return { metadata, spec: { nodeName, containers: [{ ports }] }, status: { podIPs: [{ ip }] } };
}

const pods = [
  pod("shop", "web", [{ name: "http", containerPort: 8080 }]),
  pod("shop", "api", [{ name: "http", containerPort: 9090 }]),
  pod("shop", "db"),
  pod("watch", "monitor"),
  pod("watch", "web"),
];

const namespaces = [
  { metadata: { name: "shop", labels: { team: "sales" } } },
  { metadata: { name: "watch", labels: { team: "ops", purpose: "monitoring" } } },
];

type Probe = readonly [from: string, to: string, protocol: string, port: number];

/** Which of all probes get through, of policies of the namespace "shop" unless they say another. */
function passing(specs: readonly object[], probes: readonly Probe[]): readonly Probe[] {
  const policies = specs.map((spec, i) => {
    return { metadata: { namespace: "shop", name: `p${i}` }, spec };
  });
  const told = new NetworkPolicies("here");
  for (const each of policies) told.setPolicy(readPolicy(each));
  for (const each of namespaces) told.setNamespace(readNamespace(each));
  for (const each of pods) told.setPod(readPod(each));
  const model = new FilterModel();
  model.apply(told.takeChanges());
  return probes.filter(([from, to, protocol, port]) => {
    const packet = { from: at[from] ?? "", to: at[to] ?? "", protocol, port };
    const lets = model.lets(packet);
    expect(letsThrough({ policies, pods, namespaces }, packet, "here")).toBe(lets);
    return lets;
  });
}

/** All ways between these, by TCP port 80. */
function ways(...ends: readonly string[]): readonly Probe[] {
  return ends.flatMap((from) =>
    ends.flatMap((to): Probe[] => (from === to ? [] : [[from, to, "TCP", 80]])),
  );
}

const inWords = (probes: readonly Probe[]) => probes.map(([from, to]) => `${from} > ${to}`);

describe("documented examples", () => {
  const all = ways("web", "api", "monitor", "outside");

  it("without policies everything gets through", () => {
    expect(passing([], all)).toEqual(all);
  });

  it("default deny all ingress traffic", () => {
    const spec = { podSelector: {}, policyTypes: ["Ingress"] };
    expect(inWords(passing([spec], all))).toEqual([
      ...["web > monitor", "web > outside", "api > monitor", "api > outside"],
      ...["monitor > outside", "outside > monitor"],
    ]);
  });

  it("allow all ingress traffic, whatever else denies it", () => {
    const deny = { podSelector: {}, policyTypes: ["Ingress"] };
    const allow = { podSelector: {}, ingress: [{}], policyTypes: ["Ingress"] };
    expect(passing([deny, allow], all)).toEqual(all);
  });

  it("default deny all egress traffic", () => {
    const spec = { podSelector: {}, policyTypes: ["Egress"] };
    expect(inWords(passing([spec], all))).toEqual([
      ...["monitor > web", "monitor > api", "monitor > outside"],
      ...["outside > web", "outside > api", "outside > monitor"],
    ]);
  });

  it("allow all egress traffic, whatever else denies it", () => {
    const deny = { podSelector: {}, policyTypes: ["Egress"] };
    const allow = { podSelector: {}, egress: [{}], policyTypes: ["Egress"] };
    expect(passing([deny, allow], all)).toEqual(all);
  });

  it("default deny all ingress and all egress traffic", () => {
    const spec = { podSelector: {}, policyTypes: ["Ingress", "Egress"] };
    expect(inWords(passing([spec], all))).toEqual(["monitor > outside", "outside > monitor"]);
  });

  it("the NetworkPolicy resource of the concept's page", () => {
    const spec = {
      podSelector: { matchLabels: { app: "db" } },
      policyTypes: ["Ingress", "Egress"],
      ingress: [
        {
          from: [
            { ipBlock: { cidr: "192.0.0.0/16", except: ["192.0.3.0/24"] } },
            { namespaceSelector: { matchLabels: { purpose: "monitoring" } } },
            { podSelector: { matchLabels: { app: "api" } } },
          ],
          ports: [{ protocol: "TCP", port: 6379 }],
        },
      ],
      egress: [
        { to: [{ ipBlock: { cidr: "10.244.1.0/24" } }], ports: [{ protocol: "TCP", port: 5978 }] },
      ],
    };
    const probes: readonly Probe[] = [
      ["outside", "db", "TCP", 6379],
      ["outside", "db", "UDP", 6379],
      ["outside", "db", "TCP", 6380],
      ["monitor", "db", "TCP", 6379],
      ["watch/web", "db", "TCP", 6379],
      ["api", "db", "TCP", 6379],
      ["web", "db", "TCP", 6379],
      ["db", "watch/web", "TCP", 5978],
      ["db", "watch/web", "TCP", 80],
      ["db", "monitor", "TCP", 5978],
    ];
    expect(passing([spec], probes)).toEqual([0, 3, 4, 5, 7].map((i) => probes[i]));
  });

  it("both selectors in one peer are and, in two peers or", () => {
    const one = { namespaceSelector: { matchLabels: { team: "ops" } } };
    const other = { podSelector: { matchLabels: { app: "web" } } };
    const spec = (from: readonly object[]) => ({
      podSelector: { matchLabels: { app: "db" } },
      ingress: [{ from }],
    });
    const probes = ["web", "api", "monitor", "watch/web"].map((each): Probe => {
      return [each, "db", "TCP", 80];
    });
    expect(inWords(passing([spec([{ ...one, ...other }])], probes))).toEqual(["watch/web > db"]);
    expect(inWords(passing([spec([one, other])], probes))).toEqual([
      ...["web > db", "monitor > db", "watch/web > db"],
    ]);
  });

  it("a range of ports", () => {
    const ports = [{ protocol: "TCP", port: 32_000, endPort: 32_768 }];
    const spec = { podSelector: {}, policyTypes: ["Egress"], egress: [{ ports }] };
    const probes = [31_999, 32_000, 32_500, 32_768, 32_769].map((port): Probe => {
      return ["web", "outside", "TCP", port];
    });
    expect(passing([spec], probes)).toEqual(probes.slice(1, 4));
  });

  it("several namespaces by their names", () => {
    const key = "kubernetes.io/metadata.name";
    const values = ["watch", "other"];
    const to = [{ namespaceSelector: { matchExpressions: [{ key, operator: "In", values }] } }];
    const told = new NetworkPolicies("here");
    for (const each of namespaces) told.setNamespace(readNamespace(each));
    for (const each of pods) told.setPod(readPod(each));
    const spec = { podSelector: {}, policyTypes: ["Egress"], egress: [{ to }] };
    told.setPolicy(readPolicy({ metadata: { namespace: "shop", name: "p" }, spec }));
    const [change] = told.takeChanges().sets.values();
    expect([...(change?.added ?? [])].map(({ address }) => address.join("."))).toEqual([
      ...["10.244.0.5", "10.244.1.2"],
    ]);
  });

  it("a port by its name is that of the destination", () => {
    const ports = [{ port: "http" }];
    const ingress = { podSelector: {}, ingress: [{ ports }] };
    const probes: readonly Probe[] = [
      ["monitor", "web", "TCP", 8080],
      ["monitor", "web", "TCP", 9090],
      ["monitor", "api", "TCP", 8080],
      ["monitor", "api", "TCP", 9090],
      ["monitor", "db", "TCP", 8080],
      ["web", "api", "TCP", 9090],
      ["db", "web", "TCP", 8080],
      ["db", "web", "UDP", 8080],
      ["db", "outside", "TCP", 8080],
    ];
    const through = (...which: readonly number[]) => which.map((i) => probes[i]);
    expect(passing([ingress], probes)).toEqual(through(0, 3, 5, 6, 8));
    const egress = { podSelector: {}, policyTypes: ["Egress"], egress: [{ ports }] };
    expect(passing([egress], probes)).toEqual(through(0, 1, 2, 3, 4, 5, 6));
    const nobody = { podSelector: {}, ingress: [{ ports: [{ port: "nobody" }] }] };
    expect(passing([nobody], probes)).toEqual(through(8));
  });

  it("policyTypes are ingress unless there are rules for egress", () => {
    const way = ways("web", "monitor");
    const through = (spec: object) => inWords(passing([{ podSelector: {}, ...spec }], way));
    expect(through({})).toEqual(["web > monitor"]);
    expect(through({ egress: [] })).toEqual(["web > monitor"]);
    expect(through({ egress: [{}] })).toEqual(["web > monitor"]);
    expect(through({ egress: [{}], policyTypes: ["Egress"] })).toEqual(inWords(way));
    expect(through({ ingress: [{}], policyTypes: ["Egress"] })).toEqual(["monitor > web"]);
  });

  it("an empty list of peers is anyone, an empty rule anything, no rule nothing", () => {
    const way: readonly Probe[] = [["outside", "web", "TCP", 80]];
    const count = (ingress: unknown) => passing([{ podSelector: {}, ingress }], way).length;
    expect([{ from: [], ports: [] }, {}].map((rule) => count([rule]))).toEqual([1, 1]);
    expect([count([]), count(undefined), count(null)]).toEqual([0, 0, 0]);
  });
});
