/** Manifests: files of objects as `kubectl apply -f` takes them, and as `kubectl get -o` writes them. */

import { CORE_SCHEMA, loadAll } from "js-yaml";
import { Failure } from "../../host/failure.ts";
import { isObject, type JsonObject } from "../../overlay/contract/host.ts";

/** The objects in a text in YAML or JSON, and in the lists in it. Throws Failure. */
export function readManifest(text: string, path: string): readonly JsonObject[] {
  return documentsIn(text, path).flatMap((document) => {
    if (document === null || document === undefined) return [];
    if (isObject(document)) return objectsIn(document);
    throw unreadable(path, "it has something that is no object of Kubernetes");
  });
}

/** What is JSON is not read as YAML, which it is as well: a large cluster would take more memory than there is. */
function documentsIn(text: string, path: string): readonly unknown[] {
  const json = text.startsWith("{") ? jsonIn(text) : undefined;
  if (json !== undefined) return [json];
  try {
    return loadAll(text, null, { schema: CORE_SCHEMA, json: true });
  } catch (cause) {
    const [state = ""] = (cause instanceof Error ? cause.message : "").split("\n");
    throw unreadable(path, `it is neither YAML nor JSON: ${state}`);
  }
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // YAML may begin like this as well
  }
}

/** Those of a list are of its kind if they do not say: a PodList has Pods. */
function objectsIn(document: JsonObject): readonly JsonObject[] {
  const { kind, items } = document;
  if (!/List$/.test(String(kind)) || !Array.isArray(items)) return [document];
  const each = String(kind).slice(0, -"List".length);
  return items.flatMap((item: unknown) => (isObject(item) ? { kind: each, ...item } : []));
}

function unreadable(path: string, state: string): Failure {
  return new Failure("system", `Cannot read "${path}": ${state}`);
}
