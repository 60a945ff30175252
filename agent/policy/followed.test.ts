import { describe, expect, it, vi } from "vitest";
import { Followed } from "./followed.ts";
import { NetworkPolicies } from "./network-policies.ts";

vi.mock("host", () => ({}));

const said: string[] = [];

function lab() {
  said.length = 0;
  const policies = new NetworkPolicies("n");
  const followed = new Followed(policies, (event, words) => said.push(`${event}: ${words}`));
  return { policies, followed };
}

/** As in Protocol Buffers: what has no namespace has an empty one. */
const space = (name: string) => ({ metadata: { namespace: "", name, labels: { a: name } } });
const pod = (name: string, ip = "10.0.0.1") => {
  return { metadata: { namespace: "a", name }, status: { podIPs: [{ ip }] } };
};
const policy = (name: string, spec: unknown) => ({ metadata: { namespace: "a", name }, spec });

function list(followed: Followed, kind: "Pod" | "Namespace" | "NetworkPolicy", items: object[]) {
  followed.onListBegin(kind);
  for (const item of items) followed.onObject(kind, item as never, false);
  followed.onListEnd(kind);
}

describe("what a cluster tells", () => {
  it("is known once all lists have been whole", () => {
    const { followed } = lab();
    expect(followed.answer).toEqual({
      ...{ kind: "Status", message: "the lists of the cluster have not come yet" },
    });
    list(followed, "Pod", [pod("p")]);
    list(followed, "NetworkPolicy", []);
    followed.onListBegin("Namespace");
    followed.onProblem("Namespace", "403");
    expect(followed.answer).toEqual({ kind: "Status", message: "403" });
    list(followed, "Namespace", [space("a")]);
    followed.onProblem("Namespace", undefined);
    expect(followed.answer).toMatchObject({ kind: "List", items: [{ kind: "Pod" }, {}] });
    expect(said).toEqual(["store: 403", "recovered: 403"]);
  });

  it("is what a new list has, and what is not in it is gone", () => {
    const { followed, policies } = lab();
    list(followed, "Namespace", [space("a"), space("b")]);
    list(followed, "Pod", [pod("p"), pod("q", "10.0.0.2")]);
    list(followed, "NetworkPolicy", [policy("k", {}), policy("l", {})]);
    list(followed, "Namespace", [space("b")]);
    list(followed, "Pod", [pod("q", "10.0.0.3")]);
    list(followed, "NetworkPolicy", [policy("l", {})]);
    expect([...policies.cluster.namespaces]).toEqual(["b"]);
    expect([...policies.cluster.pods].map(({ name }) => name)).toEqual(["q"]);
    expect([...policies.policies.all].map(({ name }) => name)).toEqual(["l"]);
    followed.onObject("Pod", pod("q") as never, true);
    followed.onObject("Namespace", space("b") as never, true);
    followed.onObject("NetworkPolicy", policy("l", {}) as never, true);
    expect([...policies.cluster.namespaces, ...policies.cluster.pods]).toEqual([]);
    expect([...policies.policies.all]).toEqual([]);
  });

  it("is named where it cannot be used, once", () => {
    const { followed, policies } = lab();
    const bad = policy("k", { ingress: 7 });
    for (let i = 0; i < 2; i++) followed.onObject("NetworkPolicy", bad, false);
    followed.onObject("Pod", { metadata: { namespace: "a" } } as never, false);
    expect(said).toEqual([
      "ignored: Cannot use NetworkPolicy a/k: spec.ingress is no list",
      "ignored: Cannot use Pod a/undefined: it has no name",
    ]);
    expect(policies.policies.get("a/k")).toMatchObject({ ingress: [], egress: undefined });
  });
});
