/** Policies, pods and namespaces that nobody should have, and servers that tell them badly: nothing is let through by that. */
import { describe, expect } from "vitest";
import { it } from "../bed/it.ts";
import type { Way } from "../bed/reach.ts";
import { type Json, podObject, policyObject } from "../policies/objects.ts";
import { type Stage, stageWithStandIn } from "../policies/stage.ts";
import { isOwnHost, judged, NONE } from "../policies/verdict.ts";

const inY = { matchLabels: { ns: "y" } };

const isX = ({ name }: { readonly name: string }) => name.startsWith("x/");

/** The metrics of the first host's agent. */
function metricsOf({ joined: [first] }: Stage): string {
  return (
    first?.host.view.sh(`python3 -c '
import http.client
connection = http.client.HTTPConnection("127.0.0.1", 8081, timeout=60)
connection.request("GET", "/metrics")
print(connection.getresponse().read().decode())'`) ?? ""
  );
}

function metric(stage: Stage, name: string): number {
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(metricsOf(stage))?.[1]);
}

const good = { podSelector: {}, policyTypes: ["Ingress"], ingress: [{}] };
const from = (peer: unknown) => ({ ...good, ingress: [{}, { from: [peer] }] });
const selector = (expression: Json) => from({ podSelector: { matchExpressions: [expression] } });

/** Specs that no API server takes, each with what is said of it; all isolate the namespace's pods. */
const nonsense: readonly (readonly [spec: unknown, words: string])[] = [
  [selector({ key: "pod", operator: "Gt", values: ["1"] }), 'operator is "Gt"'],
  [selector({ key: "pod", operator: "In" }), "values is empty"],
  [from({ podSelector: { matchLabels: { pod: 7 } } }), "a value that is no text"],
  [from({ ipBlock: { cidr: "10.77.0.0" } }), "no network such as"],
  [from({}), "neither a selector nor an ipBlock"],
  [{ ...good, action: "Allow" }, 'the member "action"'],
  [{ ...good, ingress: [{ ports: [{ port: 80, endPort: 70 }] }] }, "no range of ports"],
  ["allow all", "spec is no object"],
];

/** What an agent may take at most, in bytes. */
const MOST_MEMORY = 40 << 20;

/** So many rules for others, and one that allows anyone. */
function manyRules(): readonly Json[] {
  const others = Array.from({ length: 10_000 }, (_, i) => ({
    from: [{ ipBlock: { cidr: `172.${16 + (i >> 8)}.${i & 255}.0/24` } }],
    ports: [{ port: 1000 + i }],
  }));
  return [...others, {}];
}

describe("bad input", () => {
  it("that is a policy isolates whom it chooses, and is named", async ({ bed }) => {
    const { stage } = await stageWithStandIn(bed);
    const { world, objects } = stage;
    const ways = () => world.ways().filter(({ port }) => port === 80);
    const isAllowed = (way: Way) => isOwnHost(world, way) || !isX(way.to);
    for (const [i, [spec, words]] of nonsense.entries()) {
      await objects.setPolicies([policyObject("x", `bad-${i}`, spec as Json)]);
      await stage.enforced();
      expect([words, judged(bed, world, isAllowed, ways)]).toEqual([words, NONE]);
      const line = new RegExp(`Cannot use NetworkPolicy x/bad-${i}: .*${words}`);
      for (const { agent } of stage.joined) expect(agent.said).toMatch(line);
      expect(metric(stage, "weft_network_policy_faults")).toBe(1);
    }
    await objects.setPolicies([]);
    await stage.expectAsEvaluated("no policy");
    expect(metric(stage, "weft_network_policy_faults")).toBe(0);
  });

  it("that is ten thousand rules isolates whom it chooses, is named, and takes little memory", async ({
    bed,
  }) => {
    const { stage } = await stageWithStandIn(bed);
    const { world, objects } = stage;
    const spec = { podSelector: {}, ingress: manyRules() };
    await objects.setPolicies([policyObject("x", "long", spec)]);
    await stage.enforced();
    const ways = () => world.ways().filter(({ port }) => port === 80);
    const isAllowed = (way: Way) => isOwnHost(world, way) || !isX(way.to);
    expect(judged(bed, world, isAllowed, ways)).toEqual(NONE);
    const line =
      /Cannot use NetworkPolicy x\/long: it allows \d+ peers and ports, and at most 2000 /;
    for (const { agent } of stage.joined) expect(agent.said).toMatch(line);
    expect(metric(stage, "process_resident_memory_bytes")).toBeLessThan(MOST_MEMORY);
    await objects.setPolicies([]);
    await stage.expectAsEvaluated("no policy");
  });

  it("that is told out of order, twice or of one address makes nobody reachable", async ({
    bed,
  }) => {
    const { stage, server } = await stageWithStandIn(bed);
    const { world, objects } = stage;
    const [a] = world.members;
    if (!a) throw new Error("no pods");
    const fromY = { from: [{ namespaceSelector: inY }] };
    const policies = [
      policyObject("x", "from-y", { podSelector: {}, ingress: [fromY] }),
      policyObject("z", "none", { podSelector: {}, policyTypes: ["Egress", "Ingress"] }),
    ];
    await objects.setPolicies(policies);
    await stage.expectAsEvaluated("two policies");

    // A finished pod keeps its address in the API, and one with the host's network has the host's.
    const ghost = { namespace: "y", name: "ghost", node: a.host.name, labels: {}, ports: [] };
    const ended = podObject({ ...ghost, addresses: a.addresses });
    const status = { ...(ended.status as Json), phase: "Succeeded" };
    const onHost = podObject({ ...ghost, name: "on-host", addresses: ["10.77.1.1"] });
    const spec = { ...(onHost.spec as Json), hostNetwork: true };
    await objects.change([
      { ...ended, status },
      { ...onHost, spec },
    ]);
    await stage.expectAsEvaluated("a finished pod and one with the host's network");

    // Two pods say that an address is theirs: nobody gets what only one of them may.
    await objects.change([ended]);
    await stage.expectAsEvaluated("two pods of one address");
    for (const { agent } of stage.joined) expect(agent.said).toContain(`${a.addresses[0]} is an`);
    await objects.change([], [ended]);
    await stage.expectAsEvaluated("one pod of each address again");

    await server.call("replay");
    await server.call("endObjectWatches");
    await objects.change([]);
    await stage.expectAsEvaluated("all that has happened, told once more");

    const spaces = objects.of("Namespace").filter(({ metadata }) => nameIn(metadata) === "y");
    await objects.change([], spaces);
    await stage.expectAsEvaluated("pods whose namespace is gone");
    const pods = objects.of("Pod").filter(({ metadata }) => /^[ab]$/.test(nameIn(metadata)));
    await objects.change([], pods);
    await stage.expectAsEvaluated("pods that are gone");
    await objects.setPolicies([]);
    await objects.change([...spaces, ...pods]);
    await stage.expectAsEvaluated("all pods again, and no policy");
  });
});

function nameIn(metadata: unknown): string {
  return (metadata as { readonly name: string }).name;
}
