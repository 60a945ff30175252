/**
 * What is read of the Kubernetes API's objects in its Protocol Buffers: of k8s.io/api and
 * k8s.io/apimachinery, each generated.proto. Of a Node that is a tenth; its status and who changed
 * which field are passed over. Objects have the members that they have in JSON.
 */

import { CodecError } from "../../../bytes/codec.ts";
import type { JsonObject } from "../../../overlay/contract/host.ts";
import {
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

export const node = message("Node", {
  metadata: field(1, objectMeta),
  spec: field(2, nodeSpec),
});

export const nodeList = { metadata: field(1, listMeta), items: repeated(2, node) };

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
  ["Status", status],
]);

/** An object by its bytes, with its kind: a Node, or the Status of a refusal. Throws CodecError. */
export function readObject(object: Uint8Array): JsonObject {
  const start = MAGIC.length;
  if (!MAGIC.every((byte, i) => object[i] === byte)) throw new CodecError("it is no object");
  const { typeMeta: type, raw } = readMessage(unknownObject, object.subarray(start));
  const { kind = "" } = type ?? {};
  const known = KINDS.get(kind);
  if (!known || !raw) throw new CodecError(`it is of the kind ${JSON.stringify(kind)}`);
  return { kind, ...readMessage(known, raw) };
}
