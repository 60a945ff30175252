/** What etcd answers if it does not do what was asked, in words with the endpoint and what to do. */

import { Failure } from "../../host/failure.ts";
import { decodeText } from "../../host/text.ts";
import type { Answer } from "../../http/answer.ts";
import { HttpFailure } from "../../http/failure.ts";
import { isObject, type JsonObject } from "../../overlay/contract/host.ts";

/** Codes of gRPC (google/rpc/code.proto) that mean something here. */
export const Code = {
  unknown: 2,
  invalid: 3,
  late: 4,
  denied: 7,
  precondition: 9,
  outOfRange: 11,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** Another member of the cluster may do better. */
const LOCAL = new Set<number>([Code.unknown, Code.late, Code.internal, Code.unavailable]);

/** A request that etcd did not carry out, as far as is known. */
export class EtcdFailure extends Failure {
  /** What etcd says it is; 0 if it did not come to that. */
  readonly code: number;
  /** etcd's own words; "" if there are none. */
  readonly words: string;
  /** Whether it is worth asking another endpoint. */
  readonly isLocal: boolean;

  constructor(message: string, more: { code?: number; words?: string; isLocal: boolean }) {
    super("system", message);
    this.name = "EtcdFailure";
    this.code = more.code ?? 0;
    this.words = more.words ?? "";
    this.isLocal = more.isLocal;
  }

  /** The token or its password's revision is one that etcd does not know any more. */
  get isTokenRefused(): boolean {
    return this.code === Code.unauthenticated || /auth store is old/.test(this.words);
  }

  get isAuthOff(): boolean {
    return /authentication is not enabled/.test(this.words);
  }

  get isCompacted(): boolean {
    return this.code === Code.outOfRange;
  }
}

/** The object that an answer is; `cannot` is how the words of a failure begin. */
export function readAnswer(what: Answer | HttpFailure, cannot: string): JsonObject | EtcdFailure {
  if (what instanceof HttpFailure) return new EtcdFailure(what.message, { isLocal: true });
  const text = decodeText(what.body) ?? "";
  const json = jsonIn(text);
  if (what.status === 200 && json) return json;
  const refusal = json && readRefusal(json, cannot);
  return refusal ?? new EtcdFailure(`${cannot}: ${strange(what, text)}`, { isLocal: true });
}

function jsonIn(text: string): JsonObject | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

function strange({ status }: Answer, text: string): string {
  if (status === 404) {
    return "404, there is no JSON gateway: start etcd, 3.4 or newer, with --enable-grpc-gateway";
  }
  const words = text.trim().slice(0, 60);
  return `${status}, ${words === "" ? "without a word" : `and no JSON: ${JSON.stringify(words)}`}`;
}

/** `{"error":"…","code":3}` of an answer, or `{"error":{"message":"…","grpc_code":3}}` in a stream. */
export function readRefusal(json: JsonObject, cannot: string): EtcdFailure | undefined {
  const said = isObject(json.error) ? json.error : json;
  const words = said.message ?? said.error;
  if (typeof words !== "string") return undefined;
  const code = Number(said.code ?? said.grpc_code ?? Code.unknown);
  return refusal(cannot, words, code);
}

/** A refusal by etcd's words. */
export function refusal(cannot: string, words: string, code: number): EtcdFailure {
  const shown = words.replace(/^etcdserver: /, "").slice(0, 200);
  const message = `${cannot}: ${shown}${adviceOn(words, code)}`;
  return new EtcdFailure(message, { code, words, isLocal: LOCAL.has(code) });
}

function adviceOn(words: string, code: number): string {
  if (/user name is empty/.test(words)) return ", give --etcd-username and --etcd-password";
  if (/invalid user ID or password/.test(words)) return ", look at user and password";
  if (code === Code.denied || /permission denied/.test(words)) {
    return ", the user needs a role that reads and writes the network's prefix";
  }
  if (/closed network connection|connection closed|bad certificate/.test(words)) {
    return ", with --client-cert-auth etcd's own certificate must be for clients as well (clientAuth)";
  }
  return "";
}
