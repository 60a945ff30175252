/** Objects of Kubernetes as texts of YAML: where they are, and by which requests they are made. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Ask } from "./request.ts";

const plurals: Readonly<Record<string, string>> = {
  Namespace: "/api/v1/namespaces",
  Pod: "/api/v1/namespaces/NS/pods",
  ServiceAccount: "/api/v1/namespaces/NS/serviceaccounts",
  ConfigMap: "/api/v1/namespaces/NS/configmaps",
  Service: "/api/v1/namespaces/NS/services",
  DaemonSet: "/apis/apps/v1/namespaces/NS/daemonsets",
  ClusterRole: "/apis/rbac.authorization.k8s.io/v1/clusterroles",
  ClusterRoleBinding: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
  Role: "/apis/rbac.authorization.k8s.io/v1/namespaces/NS/roles",
  RoleBinding: "/apis/rbac.authorization.k8s.io/v1/namespaces/NS/rolebindings",
};

/** Where an object of YAML is, by its folder and its name in there. */
export function placeOf(text: string): { readonly folder: string; readonly name: string } {
  const field = (pattern: RegExp) => pattern.exec(text)?.[1] ?? "";
  const kind = field(/^kind: *(\S+)/m);
  const metadata = field(/^metadata:\n((?: .*\n)+)/m);
  const [, name = ""] = /^ {2}name: *(\S+)/m.exec(metadata) ?? [];
  const [, namespace = ""] = /^ {2}namespace: *(\S+)/m.exec(metadata) ?? [];
  const place = plurals[kind];
  if (!place) throw new Error(`Cannot find a ${kind}: nobody has said where`);
  return { folder: place.replace("NS", namespace), name };
}

/** The request that applies an object, on the server's side. */
export function applyOf(text: string): Ask {
  const { folder, name } = placeOf(text);
  return {
    method: "PATCH",
    path: `${folder}/${name}?fieldManager=test&fieldValidation=Strict`,
    body: text,
    type: "application/apply-patch+yaml",
  };
}

/** A file of this repository. */
export function repositoryFile(name: string): string {
  return readFileSync(resolve(import.meta.dirname, "../..", name), "utf8");
}
