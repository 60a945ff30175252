/**
 * Objects of Kubernetes in Protocol Buffers, for tests: written plainly, field by field, after
 * generated.proto of k8s.io/api and k8s.io/apimachinery 0.34. What it does not know is left out.
 */

type Value = { readonly [key: string]: unknown };
type Write = (value: never) => Uint8Array;
/** By a member's name: its field's number, and how its value is written. */
type Shape = {
  readonly [member: string]: readonly [number: number, write: Write, isList?: boolean];
};

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, BigInt(value));
  for (; left >= 0x80n; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80);
  return Uint8Array.from([...bytes, Number(left)]);
}

/** A field with its length before its bytes. */
export function lengthField(number: number, bytes: Uint8Array): Uint8Array {
  return joined(varint(number * 8 + 2), varint(bytes.length), bytes);
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

const NUMBER: Write = (value: number) => varint(value);
const MAP: Write = (pair: readonly [string, string]) =>
  joined(lengthField(1, utf8(pair[0])), lengthField(2, utf8(pair[1])));

function messageOf(shape: Shape, value: Value): Uint8Array {
  const fields = Object.entries(shape).flatMap(([member, [number, write, isList]]) => {
    const found = value[member];
    if (found === undefined || found === null) return [];
    const all = write === MAP ? Object.entries(found) : isList ? (found as unknown[]) : [found];
    return all.map((each) => {
      const bytes = write(each as never);
      return write === NUMBER ? joined(varint(number * 8), bytes) : lengthField(number, bytes);
    });
  });
  return joined(...fields);
}

const of = (shape: Shape) => (value: Value) => messageOf(shape, value);

const LIST_META: Shape = {
  resourceVersion: [2, utf8],
  continue: [3, utf8],
  remainingItemCount: [4, NUMBER],
};
const OBJECT_META: Shape = {
  name: [1, utf8],
  namespace: [3, utf8],
  uid: [5, utf8],
  resourceVersion: [6, utf8],
  labels: [11, MAP],
  annotations: [12, MAP],
};
const SPEC: Shape = { podCIDR: [1, utf8], podCIDRs: [7, utf8, true] };
const CONDITION: Shape = {
  type: [1, utf8],
  status: [2, utf8],
  reason: [5, utf8],
  message: [6, utf8],
};
const IMAGE: Shape = { names: [1, utf8, true], sizeBytes: [2, NUMBER] };
const STATUS_OF_NODE: Shape = {
  conditions: [4, of(CONDITION), true],
  images: [8, of(IMAGE), true],
};
const NODE: Shape = {
  metadata: [1, of(OBJECT_META)],
  spec: [2, of(SPEC)],
  status: [3, of(STATUS_OF_NODE)],
};
const CONTAINER_PORT: Shape = {
  name: [1, utf8],
  hostPort: [2, NUMBER],
  containerPort: [3, NUMBER],
  protocol: [4, utf8],
};
const CONTAINER: Shape = {
  name: [1, utf8],
  image: [2, utf8],
  ports: [6, of(CONTAINER_PORT), true],
  restartPolicy: [24, utf8],
};
const POD_SPEC: Shape = {
  containers: [2, of(CONTAINER), true],
  nodeName: [10, utf8],
  hostNetwork: [11, NUMBER],
  initContainers: [20, of(CONTAINER), true],
};
const POD_STATUS: Shape = {
  phase: [1, utf8],
  conditions: [2, of(CONDITION), true],
  podIP: [6, utf8],
  podIPs: [12, of({ ip: [1, utf8] }), true],
};
const POD: Shape = {
  metadata: [1, of(OBJECT_META)],
  spec: [2, of(POD_SPEC)],
  status: [3, of(POD_STATUS)],
};
const NAMESPACE: Shape = { metadata: [1, of(OBJECT_META)] };
const SHAPES: { readonly [kind: string]: Shape } = {
  Node: NODE,
  NodeList: { metadata: [1, of(LIST_META)], items: [2, of(NODE), true] },
  Pod: POD,
  PodList: { metadata: [1, of(LIST_META)], items: [2, of(POD), true] },
  Namespace: NAMESPACE,
  NamespaceList: { metadata: [1, of(LIST_META)], items: [2, of(NAMESPACE), true] },
  Status: {
    metadata: [1, of(LIST_META)],
    status: [2, utf8],
    message: [3, utf8],
    reason: [4, utf8],
    code: [6, NUMBER],
  },
};

/** An object as the server sends it: a mark, its kind, and its fields. */
export function objectBytes(kind: string, object: Value): Uint8Array {
  const type = joined(lengthField(1, utf8("v1")), lengthField(2, utf8(kind)));
  const raw = messageOf(SHAPES[kind] ?? {}, object);
  const ends = [lengthField(3, utf8("")), lengthField(4, utf8(""))];
  return joined(utf8("k8s\0"), lengthField(1, type), lengthField(2, raw), ...ends);
}

/** Bytes after their length, as events of a watch are sent. */
export function frame(bytes: Uint8Array): Uint8Array {
  const length = new DataView(new ArrayBuffer(4));
  length.setUint32(0, bytes.length);
  return joined(new Uint8Array(length.buffer), bytes);
}

function eventBytes({ type, object }: Value): Uint8Array {
  const known = (object ?? {}) as Value;
  const kind = String(known.kind ?? (known.code === undefined ? "Node" : "Status"));
  const whole = object === undefined ? [] : [lengthField(1, objectBytes(kind, known))];
  return joined(lengthField(1, utf8(String(type))), lengthField(2, joined(...whole)));
}

function parsed(text: string): Value | undefined {
  try {
    return JSON.parse(text) as Value;
  } catch {
    return undefined;
  }
}

/** How a server answers who accepts these types. */
export interface Coding {
  readonly type: string;
  /** An answer, or a line of a watch, that was written in JSON; what is none is sent as it is. */
  readonly body: (json: string) => Uint8Array;
  readonly event: (json: string) => Uint8Array;
}

const JSON_CODING: Coding = {
  type: "application/json",
  body: utf8,
  event: (line) => utf8(`${line}\n`),
};

const PROTOBUF = "application/vnd.kubernetes.protobuf";

/** The first that is accepted; `hasProtobuf`: the server has more than JSON. */
export function codingFor(accept: string | undefined, hasProtobuf = true): Coding {
  const [type = ""] = (accept ?? "").split(",");
  if (!hasProtobuf || !type.startsWith(PROTOBUF)) return JSON_CODING;
  return {
    type,
    body: (json) => {
      const object = parsed(json);
      return object ? objectBytes(String(object.kind), object) : utf8(json);
    },
    event: (line) => {
      const event = parsed(line);
      return frame(event ? eventBytes(event) : utf8(line));
    },
  };
}
