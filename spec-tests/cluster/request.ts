/** Requests to an API server. */
import type { RelayedRequest } from "./relay.ts";

export const ADMIN = "the-administrators-token";

/** A request, by an administrator unless a token is given. */
export interface Ask {
  readonly method?: string;
  readonly path: string;
  readonly body?: unknown;
  /** The body's type, if it is not application/json. */
  readonly type?: string;
  readonly token?: string;
  /** Of several, it is sent once those of earlier turns have been answered; 0 if not given. */
  readonly turn?: number;
}

/** A request as it is sent. */
export function requestOf({
  method = "GET",
  path,
  body,
  type = "application/json",
  token = ADMIN,
  turn,
}: Ask): RelayedRequest {
  const headers = {
    Authorization: `Bearer ${token}`,
    Accept: "application/json",
    ...contentType(type, body),
  };
  const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  return { method, path, turn, headers, body: text };
}

function contentType(type: string, body: unknown): Readonly<Record<string, string>> {
  return body === undefined ? {} : { "Content-Type": type };
}
