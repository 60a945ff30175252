/** The objects in deploy/, asked of a real API server: by its own requests, and by kubectl. */
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { load } from "js-yaml";
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { needs } from "../bed/kernel.ts";
import { kubectlFile } from "../bed/paths.ts";
import { ApiServer } from "./api-server.ts";
import { addStoresAddress, STORES } from "./host.ts";
import { manifestObjects } from "./kubernetes.ts";
import { repositoryFile } from "./objects.ts";

const withKubectl = "kubectl and kube-apiserver 1.34.4";
const FILE = "deploy/weft-flannel.yaml";

async function serverIn(bed: Bed): Promise<ApiServer> {
  addStoresAddress(bed);
  return await ApiServer.start(bed, STORES);
}

/** An object with one word of it replaced, which has to be in it. */
function changed(text: string, from: string, to: string): string {
  expect(text).toContain(from);
  return text.replace(from, to);
}

/** The object of a kind. */
function objectOf(kind: string): string {
  const found = manifestObjects().find((text) => new RegExp(`^kind: ${kind}$`, "m").test(text));
  if (!found) throw new Error(`no ${kind}`);
  return found;
}

/** A pod as the DaemonSet makes it, in a namespace. */
function podIn(namespace: string): string {
  const { spec } = load(objectOf("DaemonSet")) as {
    readonly spec: { readonly template: { readonly metadata: object; readonly spec: object } };
  };
  const { metadata, spec: pod } = spec.template;
  const words = JSON.stringify({ ...pod, nodeName: "node1" });
  const more = Object.entries(metadata).map(
    ([key, value]) => `  ${key}: ${JSON.stringify(value)}\n`,
  );
  return `apiVersion: v1\nkind: Pod\nmetadata:\n  name: one\n  namespace: ${namespace}\n${more.join("")}spec: ${words}\n`;
}

/** A word that is wrong in each kind, and what it is to be. */
const mistakes = [
  ["Namespace", "  labels:", "  lables:"],
  ["ServiceAccount", "  labels:", "  lables:"],
  ["ClusterRole", "resources: [nodes]", "resource: [nodes]"],
  ["ClusterRoleBinding", "    namespace:", "    nameSpace:"],
  ["ConfigMap", "data:", "date:"],
  ["DaemonSet", "hostNetwork:", "hostNetwrok:"],
  ["DaemonSet", "mountPath: /opt", "path: /opt"],
  ["DaemonSet", "periodSeconds: 20", "periodSecond: 20"],
  ["DaemonSet", "drop: [ALL]", "drops: [ALL]"],
  ["DaemonSet", "name: xtables-lock", "name: another"],
  ["DaemonSet", "maxUnavailable: 10%", "maxUnavailable: ten"],
] as const;

describe("the objects of the manifest", () => {
  needs("kube-apiserver 1.34.4")(
    "are accepted strictly, and none with a mistake",
    async ({ bed }) => {
      const server = await serverIn(bed);
      const objects = manifestObjects();
      server.apply([objectOf("Namespace")]);
      const others = objects.filter((text) => !/^kind: Namespace$/m.test(text));
      expect(others).toHaveLength(5);
      expect(others.map((text) => server.wouldCreate(text).text.slice(0, 300))).toEqual(
        others.map(() => expect.stringMatching(/^{"kind":"(ServiceAccount|C\w+|DaemonSet)"/)),
      );
      expect(
        server.wouldCreate(changed(objectOf("Namespace"), "name: kube-", "name: other-")).status,
      ).toBe(201);
      for (const [kind, from, to] of mistakes) {
        const { status, text } = server.wouldCreate(changed(objectOf(kind), from, to));
        expect([kind, to, status, text]).toEqual([kind, to, expect.toBeOneOf([400, 422]), text]);
      }
      const made = ["serviceaccounts", "configmaps"].map(
        (name) => server.do({ path: `/api/v1/namespaces/kube-flannel/${name}` }).items,
      );
      expect(made).toEqual([[], []]);
    },
  );

  needs("kube-apiserver 1.34.4")("make pods that their namespace admits", async ({ bed }) => {
    const server = await serverIn(bed);
    const usual = changed(objectOf("Namespace"), "enforce: privileged", "enforce: baseline");
    const other = changed(usual, "name: kube-flannel", "name: other");
    const account = objectOf("ServiceAccount");
    server.apply([
      ...[objectOf("Namespace"), account, other],
      changed(account, "namespace: kube-flannel", "namespace: other"),
    ]);
    const { status, body, text } = server.wouldCreate(podIn("kube-flannel"));
    expect([status, text]).toEqual([201, text]);
    expect(body).toMatchObject({ spec: { priority: 2_000_001_000, hostNetwork: true } });
    const refused = server.wouldCreate(podIn("other"));
    expect([refused.status, refused.text]).toEqual([
      403,
      expect.stringContaining("violates PodSecurity"),
    ]);
  });

  needs("kube-apiserver 1.34.4")("are all that is in deploy/", () => {
    const folder = resolve(import.meta.dirname, "../../deploy");
    const files = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
    const withObjects = files.filter((name) => /^kind:/m.test(repositoryFile(`deploy/${name}`)));
    expect(withObjects.sort()).toEqual(["weft-flannel.yaml", "weft-network-policy.yaml"]);
    expect(manifestObjects()).toHaveLength(6);
  });
});

/** What the account may do, by the server's own answer, that one without any role may not. */
function rightsOf(server: ApiServer, token: string): readonly string[] {
  const { status } = server.do({
    method: "POST",
    path: "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
    body: {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectRulesReview",
      spec: { namespace: "kube-flannel" },
    },
    token,
  }) as { status: { resourceRules: readonly object[]; nonResourceRules: readonly object[] } };
  return [...status.resourceRules, ...status.nonResourceRules].map((rule) => JSON.stringify(rule));
}

describe("the account of the manifest", () => {
  needs("kube-apiserver 1.34.4")("may do what flannel's may, and nothing more", async ({ bed }) => {
    const server = await serverIn(bed);
    const account = objectOf("ServiceAccount");
    server.apply([objectOf("Namespace"), account, changed(account, "name: flannel", "name: poor")]);
    server.apply([objectOf("ClusterRole"), objectOf("ClusterRoleBinding")]);
    const [own, poor] = ["flannel", "poor"].map((name) =>
      rightsOf(server, server.token("kube-flannel", name)),
    );
    expect(own?.filter((rule) => !poor?.includes(rule)).sort()).toEqual(
      [
        '{"verbs":["get"],"apiGroups":[""],"resources":["pods"]}',
        '{"verbs":["get","list","watch"],"apiGroups":[""],"resources":["nodes"]}',
        '{"verbs":["patch"],"apiGroups":[""],"resources":["nodes/status"]}',
      ].sort(),
    );
  });
});

describe("kubectl", () => {
  needs(withKubectl)("applies, compares, changes and deletes the manifest", async ({ bed }) => {
    const server = await serverIn(bed);
    const home = bed.folder("kubectl");
    bed.write(`${home}/config`, server.kubeconfig("the-administrators-token"));
    bed.write(`${home}/manifest.yaml`, repositoryFile(FILE));
    const kubectl = (words: string) =>
      bed.host.sh(
        `HOME=${home} ${kubectlFile} --kubeconfig ${home}/config ${words} 2>&1; echo "status $?"`,
      );
    const names = [
      "namespace/kube-flannel",
      "serviceaccount/flannel",
      "clusterrole.rbac.authorization.k8s.io/flannel",
      "clusterrolebinding.rbac.authorization.k8s.io/flannel",
      "configmap/kube-flannel-cfg",
      "daemonset.apps/kube-flannel-ds",
    ];
    const all = (word: string) => [...names.map((name) => `${name} ${word}`), "status 0", ""];
    const file = `-f ${home}/manifest.yaml`;
    const apply = (more = "") => kubectl(`apply --validate=strict ${more} ${file}`).split("\n");
    expect(apply()).toEqual(all("created"));
    expect(apply()).toEqual(all("unchanged"));
    expect(apply("--dry-run=server")).toEqual(all("unchanged (server dry run)"));
    expect(kubectl(`diff ${file}`)).toBe("status 0\n");

    bed.write(`${home}/manifest.yaml`, repositoryFile(FILE).replaceAll("weft:0.1.0", "weft:0.2.0"));
    expect(kubectl(`diff ${file}`)).toMatch(
      /^-.*image: weft:0\.1\.0\n\+.*image: weft:0\.2\.0\n[\s\S]*status 1\n$/m,
    );
    expect(apply().filter((line) => !line.endsWith("unchanged"))).toEqual([
      "daemonset.apps/kube-flannel-ds configured",
      "status 0",
      "",
    ]);

    bed.write(
      `${home}/wrong.yaml`,
      changed(repositoryFile(FILE), "hostNetwork: true", "hostNetwrok: true"),
    );
    expect(kubectl(`apply --validate=strict --dry-run=server -f ${home}/wrong.yaml`)).toMatch(
      /unknown field "spec\.template\.spec\.hostNetwrok"[\s\S]*status 1\n$/,
    );

    const deleted = kubectl(`delete --wait=false ${file}`);
    for (const name of ["flannel", "kube-flannel-cfg", "kube-flannel-ds"]) {
      expect(deleted).toMatch(new RegExp(`"${name}" .*deleted`));
    }
    expect(deleted).toMatch(/status 0\n$/);
    const gone = [
      "/apis/apps/v1/namespaces/kube-flannel/daemonsets/kube-flannel-ds",
      "/apis/rbac.authorization.k8s.io/v1/clusterroles/flannel",
      "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/flannel",
      "/api/v1/namespaces/kube-flannel/configmaps/kube-flannel-cfg",
      "/api/v1/namespaces/kube-flannel/serviceaccounts/flannel",
    ].map((path) => server.ask({ path }).status);
    expect(gone).toEqual([404, 404, 404, 404, 404]);
  });
});
