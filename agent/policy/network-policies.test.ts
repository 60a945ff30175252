import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { letsThrough, type Objects, podsAt } from "../../spec-tests/policies/slow-evaluator.ts";
import { contentsOf, FilterModel } from "./filter-model.ts";
import { NetworkPolicies } from "./network-policies.ts";
import { readNamespace, readPod } from "./objects.ts";
import { readPolicy } from "./read-policy.ts";

/* Few of everything, so that what concerns each other is met often. */
const spaces = ["a", "b", "c"];
const addresses = [
  "10.0.0.1",
  "10.0.0.2",
  "10.0.0.3",
  "10.0.1.1",
  "10.0.1.2",
  "fd00::1",
  "fd00::2",
];
const label = fc.constantFrom("app", "tier");
const value = fc.constantFrom("x", "y", "z");
const labels = fc.dictionary(label, value, { maxKeys: 2 });

const expression = fc.oneof(
  fc.record({
    key: label,
    operator: fc.constantFrom("In", "NotIn"),
    values: fc.array(value, { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ key: label, operator: fc.constantFrom("Exists", "DoesNotExist") }),
);
const selector = fc.record(
  { matchLabels: labels, matchExpressions: fc.array(expression, { maxLength: 2 }) },
  { requiredKeys: [] },
);

const namedPort = fc.constantFrom(
  { name: "web", containerPort: 80, protocol: "TCP" },
  { name: "web", containerPort: 81 },
  { name: "dns", containerPort: 53, protocol: "UDP" },
  { name: "dns", containerPort: 80, protocol: "SCTP" },
);

const namespace = fc.record({ name: fc.constantFrom(...spaces), labels }).map((metadata) => ({
  metadata,
}));

const pod = fc
  .record({
    name: fc.constantFrom("p", "q", "r", "s"),
    namespace: fc.constantFrom(...spaces),
    labels,
    nodeName: fc.constantFrom("here", "here", "there"),
    hostNetwork: fc.constantFrom(undefined, false, undefined, undefined, true),
    phase: fc.constantFrom("Running", "Running", "Running", "Pending", "Succeeded", "Failed"),
    ips: fc.uniqueArray(fc.constantFrom(...addresses), { maxLength: 2 }),
    ports: fc.array(namedPort, { maxLength: 2 }),
  })
  .map(({ name, namespace, labels, nodeName, hostNetwork, phase, ips, ports }) => ({
    metadata: { name, namespace, labels },
    spec: { nodeName, hostNetwork, containers: [{ ports }] },
    status: { phase, podIPs: ips.map((ip) => ({ ip })) },
  }));

const peer = fc.oneof(
  fc.record({ podSelector: selector }),
  fc.record({ namespaceSelector: selector }),
  fc.record({ podSelector: selector, namespaceSelector: selector }),
  fc.constantFrom(
    { ipBlock: { cidr: "10.0.0.0/16" } },
    { ipBlock: { cidr: "10.0.0.0/16", except: ["10.0.1.0/24", "10.0.0.2/31"] } },
    { ipBlock: { cidr: "0.0.0.0/0", except: ["10.0.0.1/32"] } },
    { ipBlock: { cidr: "fd00::/64", except: ["fd00::2/128"] } },
  ),
);

const port = fc.oneof(
  fc.constantFrom({}, { protocol: "UDP" }, { port: 80 }, { port: 80, endPort: 81 }),
  fc.constantFrom({ port: "web" }, { port: "web", protocol: "TCP" }, { port: "nobody" }),
  fc.constantFrom({ port: "dns", protocol: "UDP" }, { port: "dns", protocol: "SCTP" }),
  fc.constantFrom({ port: 53, protocol: "UDP" }, { port: 1, endPort: 65_535, protocol: "SCTP" }),
);

const rules = (name: "from" | "to") =>
  fc.array(
    fc.record(
      { [name]: fc.array(peer, { maxLength: 2 }), ports: fc.array(port, { maxLength: 2 }) },
      { requiredKeys: [] },
    ),
    { maxLength: 2 },
  );

const policy = fc
  .record({
    name: fc.constantFrom("k", "l", "m", "n"),
    namespace: fc.constantFrom(...spaces),
    spec: fc.record(
      {
        podSelector: selector,
        ingress: rules("from"),
        egress: rules("to"),
        policyTypes: fc.constantFrom([], ["Ingress"], ["Egress"], ["Ingress", "Egress"]),
      },
      { requiredKeys: ["podSelector"] },
    ),
  })
  .map(({ name, namespace, spec }) => ({ metadata: { name, namespace }, spec }));

const place = { namespace: fc.constantFrom(...spaces), name: fc.constantFrom("p", "q", "k", "l") };
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ pod }) },
  { weight: 3, arbitrary: fc.record({ policy }) },
  { weight: 1, arbitrary: fc.record({ space: namespace }) },
  { weight: 1, arbitrary: fc.record({ noPod: fc.record(place) }) },
  { weight: 1, arbitrary: fc.record({ noPolicy: fc.record(place) }) },
  { weight: 1, arbitrary: fc.record({ noSpace: fc.constantFrom(...spaces) }) },
  { weight: 2, arbitrary: fc.constant({ take: true }) },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A cluster as a server has it. */
class Server {
  readonly pods = new Map<string, unknown>();
  readonly policies = new Map<string, unknown>();
  readonly spaces = new Map<string, unknown>();

  get objects(): Objects {
    const [pods, policies, namespaces] = [this.pods, this.policies, this.spaces].map((all) => [
      ...all.values(),
    ]);
    return { pods: pods ?? [], policies: policies ?? [], namespaces: namespaces ?? [] };
  }

  act(step: Step, told: NetworkPolicies): void {
    if ("pod" in step) {
      this.pods.set(keyOf(step.pod.metadata), step.pod);
      told.setPod(readPod(step.pod));
    } else if ("policy" in step) {
      this.policies.set(keyOf(step.policy.metadata), step.policy);
      told.setPolicy(readPolicy(step.policy));
    } else if ("space" in step) {
      this.spaces.set(step.space.metadata.name, step.space);
      told.setNamespace(readNamespace(step.space));
    } else if ("noPod" in step) {
      this.pods.delete(keyOf(step.noPod));
      told.deletePod(step.noPod.namespace, step.noPod.name);
    } else if ("noPolicy" in step) {
      this.policies.delete(keyOf(step.noPolicy));
      told.deletePolicy(step.noPolicy.namespace, step.noPolicy.name);
    } else if ("noSpace" in step) {
      this.spaces.delete(step.noSpace);
      told.deleteNamespace(step.noSpace);
    }
  }
}

function keyOf({ namespace, name }: { namespace: string; name: string }): string {
  return `${namespace}/${name}`;
}

const probes = [
  { protocol: "TCP", port: 80 },
  { protocol: "TCP", port: 81 },
  { protocol: "TCP", port: 443 },
  { protocol: "UDP", port: 53 },
  { protocol: "SCTP", port: 80 },
];

/** Every address to every other, and to and from one outside. */
function packets() {
  const ends = [...addresses, "192.0.2.1", "2001:db8::1"];
  return ends.flatMap((from) =>
    ends.flatMap((to) => (from === to ? [] : probes.map((probe) => ({ from, to, ...probe })))),
  );
}

function compare(objects: Objects, model: FilterModel): void {
  for (const packet of packets()) {
    const [is, should] = [model.lets(packet), letsThrough(objects, packet, "here")];
    if (is === should) continue;
    const isContested = [packet.from, packet.to].some((each) => podsAt(objects, each).length > 1);
    if (isContested && !is) continue;
    expect.fail(`${JSON.stringify(packet)}: ${is}, should be ${should}`);
  }
}

describe("network policies", () => {
  it("let through what a slow evaluator does, after any changes in any order", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) => {
        const [server, policies, model] = [
          new Server(),
          new NetworkPolicies("here"),
          new FilterModel(),
        ];
        for (const each of steps) {
          if ("take" in each) model.apply(policies.takeChanges());
          else server.act(each, policies);
        }
        model.apply(policies.takeChanges());
        compare(server.objects, model);
        expect(model.contents).toEqual(contentsOf(policies.ruleset()));
      }),
      { numRuns: 150 },
    );
  }, 120_000);

  it("say the same whatever the order in which all comes", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 30 }), (steps) => {
        const [server, told] = [new Server(), new NetworkPolicies("here")];
        for (const each of steps) server.act(each, told);
        told.takeChanges();
        const { pods, policies, namespaces } = server.objects;
        const anew = new NetworkPolicies("here");
        for (const each of [...pods].reverse()) anew.setPod(readPod(each));
        for (const each of [...policies].reverse()) anew.setPolicy(readPolicy(each));
        for (const each of namespaces) anew.setNamespace(readNamespace(each));
        anew.takeChanges();
        expect(contentsOf(told.ruleset())).toEqual(contentsOf(anew.ruleset()));
      }),
      { numRuns: 100 },
    );
  }, 120_000);
});
