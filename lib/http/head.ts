/** Heads of answers: the status line and the headers (RFC 9112). */

/** What comes before a body. */
export interface Head {
  readonly status: number;
  /** The words after the status; often "". */
  readonly reason: string;
  /** By name in lower case; of headers that come twice the values joined by commas. */
  readonly headers: ReadonlyMap<string, string>;
  /** Whether another request may follow on the connection. */
  readonly isKept: boolean;
  readonly body: BodyKind;
}

/** How a body ends: never begun, after so many bytes, by its last chunk, or with the connection. */
export type BodyKind =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "open" };

/** Reads the lines of a head; a text is what is wrong with it. */
export function readHead(lines: readonly string[]): Head | string {
  const [first = "", ...others] = lines;
  const parts = /^HTTP\/1\.([01]) (\d{3})(?: (.*))?$/.exec(first);
  if (!parts) return `the answer is not HTTP/1.1: it begins with ${quoted(first)}`;
  const headers = readHeaders(others);
  if (typeof headers === "string") return headers;
  const status = Number(parts[2]);
  const body = bodyKind(status, headers);
  if (typeof body === "string") return body;
  const isKept = parts[1] === "1" && !/\bclose\b/i.test(headers.get("connection") ?? "");
  return { status, reason: parts[3] ?? "", headers, isKept: isKept && body.kind !== "open", body };
}

function readHeaders(lines: readonly string[]): Map<string, string> | string {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const parts = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line);
    if (!parts) return `the answer has ${quoted(line)} among its headers`;
    const name = (parts[1] ?? "").toLowerCase();
    const former = headers.get(name);
    headers.set(name, former === undefined ? (parts[2] ?? "") : `${former}, ${parts[2]}`);
  }
  return headers;
}

function bodyKind(status: number, headers: ReadonlyMap<string, string>): BodyKind | string {
  const encoding = headers.get("content-encoding") ?? "identity";
  if (encoding !== "identity") return `the answer is encoded, in ${quoted(encoding)}`;
  if (status < 200 || status === 204 || status === 304) return { kind: "none" };
  const transfer = headers.get("transfer-encoding");
  const length = headers.get("content-length");
  if (transfer !== undefined) {
    if (length !== undefined) return "the answer says two lengths";
    if (transfer.toLowerCase() === "chunked") return { kind: "chunked" };
    return `the answer is sent in ${quoted(transfer)}`;
  }
  if (length === undefined) return { kind: "open" };
  const [one = "", ...others] = new Set(length.split(/[ \t]*,[ \t]*/));
  if (others.length > 0 || !/^\d{1,15}$/.test(one)) return `its length is ${quoted(length)}`;
  return { kind: "length", length: Number(one) };
}

/** At most 40 characters of what came, with nothing that a terminal obeys. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
