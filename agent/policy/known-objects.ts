/** Objects of Kubernetes, as lists have them: read all at once, and told again. */

import { isObject, type JsonObject } from "../../lib/overlay/contract/host.ts";
import type { NetworkPolicies } from "./network-policies.ts";
import { type Pod, readNamespace, readPod } from "./objects.ts";
import { fullName } from "./policy.ts";
import { readPolicy } from "./read-policy.ts";
import { faultIn } from "./unreadable.ts";

/**
 * Takes the NetworkPolicies, Pods and Namespaces among objects, and returns what is wrong with some of
 * them, in sentences. A namespace that is not among them is known by its name alone.
 */
export function takeObjects(
  to: NetworkPolicies,
  objects: readonly JsonObject[],
): readonly string[] {
  const faults: string[] = [];
  for (const object of objects) {
    const fault = faultIn(() => takeObject(to, object));
    if (fault !== undefined) faults.push(`Cannot use ${nameOf(object)}: ${fault}`);
  }
  for (const { namespace } of to.cluster.pods) {
    if (!to.cluster.labelsOf(namespace)) to.setNamespace(namespaceNamed(namespace));
  }
  return faults;
}

function namespaceNamed(name: string) {
  return readNamespace({ metadata: { name } });
}

/**
 * Takes one object; returns what is wrong with one that is taken all the same. `complete` adds to a pod
 * what is known of it otherwise. Throws Unreadable.
 */
export function takeObject(
  to: NetworkPolicies,
  object: JsonObject,
  complete = (pod: Pod): Pod => pod,
): string | undefined {
  if (object.kind === "Namespace") {
    to.setNamespace(readNamespace(object));
  } else if (object.kind === "Pod") {
    const pod = readPod(withNamespace(object));
    to.setPod(complete(pod));
    return pod.fault;
  } else if (object.kind === "NetworkPolicy") {
    const policy = readPolicy(withNamespace(object));
    to.setPolicy(policy);
    return policy.fault;
  }
  return undefined;
}

function withNamespace(object: JsonObject): JsonObject {
  const metadata = isObject(object.metadata) ? object.metadata : {};
  return { ...object, metadata: { namespace: "default", ...metadata } };
}

/** An object's kind and name, in words. */
export function nameOf({ kind, metadata }: JsonObject): string {
  const { namespace, name } = isObject(metadata) ? metadata : ({} as JsonObject);
  const isWithin = typeof namespace === "string" && namespace !== "";
  return `${kind} ${isWithin ? fullName({ namespace, name: `${name}` }) : name}`;
}

/** All that is known, as a List. */
export function knownObjects({ cluster, policies }: NetworkPolicies): JsonObject {
  const items: JsonObject[] = [];
  for (const { namespace, name, spec } of policies.all) {
    items.push({ kind: "NetworkPolicy", metadata: { namespace, name }, spec });
  }
  for (const pod of cluster.pods) items.push(podObject(pod));
  for (const name of cluster.namespaces) {
    items.push({ kind: "Namespace", metadata: { name, labels: cluster.labelsOf(name) } });
  }
  return { kind: "List", apiVersion: "v1", items };
}

function podObject({ namespace, name, labels, node, addresses, ports, absence }: Pod): JsonObject {
  const phase = /\((.*)\)/.exec(absence ?? "")?.[1] ?? "Running";
  const containers = [
    { ports: ports.map(({ port, ...rest }) => ({ containerPort: port, ...rest })) },
  ];
  const hostNetwork = absence !== undefined && phase === "Running";
  return {
    kind: "Pod",
    metadata: { namespace, name, labels },
    spec: { nodeName: node, hostNetwork, containers },
    status: { phase, podIPs: addresses.map((ip) => ({ ip })) },
  };
}
