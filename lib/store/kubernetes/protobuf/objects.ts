/**
 * What is read of the Kubernetes API's objects in its Protocol Buffers: of k8s.io/api and
 * k8s.io/apimachinery, each generated.proto. Of a Node or a Pod that is a tenth: who changed which field
 * and most of the status are passed over. Objects have the members that they have in JSON.
 */

import { CodecError } from "../../../bytes/codec.ts";
import type { JsonObject } from "../../../overlay/contract/host.ts";
import {
  bool,
  bytes,
  field,
  type Kind,
  map,
  message,
  readMessage,
  repeated,
  text,
  whole,
} from "./message.ts";

/** Objects begin with these bytes: "k8s" and a zero. */
export const MAGIC: readonly number[] = [0x6b, 0x38, 0x73, 0];

const typeMeta = message("TypeMeta", { apiVersion: field(1, text), kind: field(2, text) });

/** What follows these bytes: `raw` is the object. */
export const unknown = { typeMeta: field(1, typeMeta), raw: field(2, bytes) };
const unknownObject = message("Unknown", unknown);

const listMeta = message("ListMeta", {
  resourceVersion: field(2, text),
  continue: field(3, text),
});

const objectMeta = message("ObjectMeta", {
  name: field(1, text),
  uid: field(5, text),
  resourceVersion: field(6, text),
  annotations: map(12),
});

const nodeSpec = message("NodeSpec", {
  podCIDR: field(1, text),
  podCIDRs: repeated(7, text),
});

const node = message("Node", {
  metadata: field(1, objectMeta),
  spec: field(2, nodeSpec),
});

/** What every list has: its items are of the kind that `listedKind` tells. */
export const list = { metadata: field(1, listMeta), items: field(2, bytes) };

/* ---- what network policies are about ---- */

const labelledMeta = message("ObjectMeta", {
  name: field(1, text),
  namespace: field(3, text),
  uid: field(5, text),
  resourceVersion: field(6, text),
  labels: map(11),
});

const containerPort = message("ContainerPort", {
  name: field(1, text),
  containerPort: field(3, whole),
  protocol: field(4, text),
});

const container = message("Container", {
  ports: repeated(6, containerPort),
  restartPolicy: field(24, text),
});

const podSpec = message("PodSpec", {
  containers: repeated(2, container),
  nodeName: field(10, text),
  hostNetwork: field(11, bool),
  initContainers: repeated(20, container),
});

const podStatus = message("PodStatus", {
  phase: field(1, text),
  podIP: field(6, text),
  podIPs: repeated(12, message("PodIP", { ip: field(1, text) })),
});

const pod = message("Pod", {
  metadata: field(1, labelledMeta),
  spec: field(2, podSpec),
  status: field(3, podStatus),
});

const namespace = message("Namespace", { metadata: field(1, labelledMeta) });

const status = message("Status", {
  message: field(3, text),
  reason: field(4, text),
  code: field(6, whole),
});

const rawExtension = message("RawExtension", { raw: field(1, bytes) });

export const watchEvent = message("WatchEvent", {
  type: field(1, text),
  object: field(2, rawExtension),
});

const KINDS = new Map<string, Kind<JsonObject>>([
  ["Node", node],
  ["Pod", pod],
  ["Namespace", namespace],
  ["Status", status],
]);

/** What items of a list are read by. */
export function listedKind(name: string): Kind<JsonObject> {
  const kind = KINDS.get(name);
  if (kind) return kind;
  throw new Error(`nothing is known of the kind ${name}`);
}

/** An object by its bytes, with its kind; that of a refusal is Status. Throws CodecError. */
export function readObject(object: Uint8Array): JsonObject {
  const start = MAGIC.length;
  if (!MAGIC.every((byte, i) => object[i] === byte)) throw new CodecError("it is no object");
  const { typeMeta: type, raw } = readMessage(unknownObject, object.subarray(start));
  const { kind = "" } = type ?? {};
  const known = KINDS.get(kind);
  if (!known || !raw) throw new CodecError(`it is of the kind ${JSON.stringify(kind)}`);
  return { kind, ...readMessage(known, raw) };
}
