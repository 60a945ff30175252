/** Where a server is, by its URL. */

import { parseAddress } from "../ip/address.ts";

/** A server, and how it is called in messages. */
export interface Endpoint {
  readonly isSecure: boolean;
  /** A name, an IPv4 address, or an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /** What comes before each request's path, without a slash at its end; often "". */
  readonly path: string;
  /** Scheme, host and port: `https://[2001:db8::1]:2379`. */
  readonly name: string;
}

const PORTS = { http: 80, https: 443 } as const;

/** Reads `http://host`, `https://host:port/path`; undefined if it is no such thing. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const parts = /^(https?):\/\/(\[[^\]]*\]|[^:/?#@[\]\s]+)(?::(\d{1,5}))?(\/[^?#\s]*)?$/i.exec(
    text,
  );
  if (!parts) return undefined;
  const [, scheme = "", written = "", digits, path = ""] = parts;
  const isSecure = scheme.toLowerCase() === "https";
  const host = written.replace(/[[\]]/g, "");
  const port = Number(digits ?? (isSecure ? PORTS.https : PORTS.http));
  if (port === 0 || port > 65_535 || !isHost(host, written.startsWith("["))) return undefined;
  const name = `${scheme.toLowerCase()}://${written}:${port}`;
  return { isSecure, host, port, path: path.replace(/\/+$/, ""), name };
}

function isHost(host: string, isBracketed: boolean): boolean {
  if (isBracketed) return host.includes(":") && parseAddress(host) !== undefined;
  return /^[\w.-]{1,255}$/.test(host);
}
