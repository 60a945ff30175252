/** Requests of HTTP/1.1 as bytes. */

import { encodeText } from "../host/text.ts";
import type { Endpoint } from "./endpoint.ts";

declare const WEFT_VERSION: string;

/** Names and values of headers; names in any case. */
export type Headers = Readonly<Record<string, string>>;

export interface Request {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With the query, from `/` on. */
  readonly path: string;
  readonly headers?: Headers | undefined;
  readonly body?: string | undefined;
}

/** All of a request in one piece; undefined if path or headers would be more than one line each. */
export function requestBytes(endpoint: Endpoint, request: Request): Uint8Array | undefined {
  const { method, path, headers = {} } = request;
  const lines = [`${method} ${endpoint.path}${path} HTTP/1.1`];
  const body = request.body === undefined ? undefined : encodeText(request.body);
  const all = { ...ownHeaders(endpoint, body), ...headers };
  for (const name in all) lines.push(`${name}: ${all[name as keyof typeof all]}`);
  if (/[^\x21-\x7e]/.test(path) || !lines.every(isPlain)) return undefined;
  const head = encodeText(`${lines.join("\r\n")}\r\n\r\n`);
  return body === undefined ? head : joined(head, body);
}

function ownHeaders(endpoint: Endpoint, body: Uint8Array | undefined): Headers {
  const always = {
    Host: endpoint.name.slice(endpoint.name.indexOf("//") + 2),
    "User-Agent": typeof WEFT_VERSION === "undefined" ? "weft" : `weft/${WEFT_VERSION}`,
    Accept: "application/json",
  };
  return body ? { ...always, "Content-Length": String(body.length) } : always;
}

/** No line breaks, and nothing that proxies read in different ways. */
function isPlain(line: string): boolean {
  return /^[\x20-\x7e]*$/.test(line);
}

function joined(head: Uint8Array, body: Uint8Array): Uint8Array {
  const whole = new Uint8Array(head.length + body.length);
  whole.set(head);
  whole.set(body, head.length);
  return whole;
}
