/** `weft policy explain` of files, as they are written by hand and by kubectl. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { it } from "../bed/it.ts";
import { Lists } from "../bed/lists.ts";

const MANIFEST = `
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: PodList
items:
- metadata: {namespace: shop, name: web, labels: {app: web}, creationTimestamp: 2026-01-01T00:00:00Z}
  spec: {nodeName: node1, containers: [{ports: [{name: http, containerPort: 8080}]}]}
  status: {phase: Running, podIPs: [{ip: 10.244.1.2}, {ip: "fd00::2"}]}
- metadata: {namespace: shop, name: db, labels: {app: db}}
  spec: {nodeName: node1, containers: []}
  status: {phase: Running, podIPs: [{ip: 10.244.1.3}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: db}
spec:
  podSelector: {matchLabels: {app: db}}
  policyTypes: [Ingress]
  ingress:
  - from:
    - podSelector: {matchLabels: {app: web}}
    - ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.128/25]}
    ports: [{port: 5432}]
`;

const RULE =
  "TCP port 5432 from pods app=web of shop or addresses of 192.0.2.0/24 but 192.0.2.128/25";

/** Runs `weft policy explain` with a manifest as its file. */
function explainer(bed: Bed, manifest = MANIFEST) {
  bed.write("/run/bed/manifest", manifest);
  return (words: string) => {
    const line = `policy explain ${words} --file /run/bed/manifest`;
    const { status, stdout, stderr } = new Lists(bed).weft(line);
    return { status, lines: stdout.trimEnd().split("\n"), stderr };
  };
}

describe("weft policy explain", () => {
  it("says what policies allow a pod", ({ bed }) => {
    const explain = explainer(bed);
    expect(explain("shop/db")).toEqual({
      status: 0,
      lines: [
        "pod shop/db  10.244.1.3  on node1",
        "  ingress: isolated, allowed is",
        `    shop/db  ${RULE}`,
        "  egress: not isolated: everything is allowed",
      ],
      stderr: "",
    });
  });

  it("says whether a connection is let through, and what is missing", ({ bed }) => {
    const explain = explainer(bed);
    expect(explain("db --from web --port 80")).toEqual({
      status: 1,
      lines: [
        "shop/web (10.244.1.2) to shop/db (10.244.1.3), TCP port 80: forbidden",
        "  egress of shop/web: not isolated",
        "  ingress of shop/db: isolated, and nothing allows this",
        `    shop/db  ${RULE}: not the port`,
      ],
      stderr: "",
    });
    const asked = [
      ...["db --from web --port 5432", "db --from 192.0.2.1 --port 5432", "web --from db"],
      ...["db --from 192.0.2.129 --port 5432", "db --from web --port 5432/UDP"],
    ];
    expect(asked.map((words) => explain(words).status)).toEqual([0, 0, 0, 1, 1]);
  });

  it("says the same of JSON, and as JSON", ({ bed }) => {
    const list = {
      kind: "List",
      items: [
        {
          ...{ kind: "Pod", metadata: { namespace: "a", name: "p" } },
          status: { podIPs: [{ ip: "10.0.0.1" }] },
        },
        { kind: "NetworkPolicy", metadata: { namespace: "a", name: "n" }, spec: {} },
        { kind: "Secret", metadata: { name: "s" } },
      ],
    };
    const explain = explainer(bed, JSON.stringify(list));
    const { status, lines } = explain("p --from 10.0.0.2 --json");
    expect(status).toBe(1);
    expect(JSON.parse(lines.join("\n"))).toEqual({
      isLetThrough: false,
      ends: [
        {
          ...{ pod: "a/p", direction: "ingress", isIsolated: true, isLetThrough: false },
          policies: [{ policy: "a/n", rules: [] }],
        },
      ],
    });
  });

  it("names what it cannot use, and lets nothing through by it", ({ bed }) => {
    const explain = explainer(bed, MANIFEST.replace("port: 5432", "port: [5432]"));
    const { status, lines, stderr } = explain("db --from web");
    expect([status, lines[0]]).toEqual([
      ...[1, "shop/web (10.244.1.2) to shop/db (10.244.1.3), TCP, some port: forbidden"],
    ]);
    const fault = "spec.ingress[0].ports[0].port is [5432], neither a number nor a name";
    expect(stderr).toBe(`weft: Cannot use NetworkPolicy shop/db: ${fault}\n`);
    expect(explain("nobody").stderr).toContain('Cannot find pod "nobody": there is none');
    for (const text of ["{", "7", "a: [", "\u0000"]) {
      const said = explainer(bed, text)("db");
      expect([said.status, said.stderr]).toEqual([
        ...[1, expect.stringMatching(/^weft: Cannot (read|find) [^\n]*\n$/)],
      ]);
    }
  });

  it("says that no agent runs where nobody gives it a file", ({ bed }) => {
    const { status, stderr } = new Lists(bed).weft("policy explain web");
    expect([status, stderr]).toEqual([
      1,
      'weft: Cannot ask the agent of network "flannel": no agent with --network-policy is running, and no --file is given\n',
    ]);
  });
});
