/**
 * A lease as JSON, to survive a restart of who keeps it:
 *
 *   { "version": 1, "boot": "7c3e…", "address": "10.1.2.3", "server": "10.1.2.1", "serverMac": "…",
 *     "acquiredAt": 81000, "renewAt": 1881000, "rebindAt": 3231000, "expiresAt": 3681000,
 *     "options": { "1": "ffffff00", "3": "0a010201" } }
 *
 * A time that never comes is null.
 */

import { formatAddress, type IpAddress, parseAddress } from "../ip/address.ts";
import { formatMac, parseMac } from "../ip/mac.ts";
import { type Lease, RESULT_OPTIONS } from "./lease.ts";
import type { Options } from "./options.ts";
import { isHost } from "./values.ts";

/** Another layout gets another number. */
const VERSION = 1;

/** The record of a lease. */
export interface LeaseRecord {
  readonly version: number;
  readonly boot: string;
  readonly address: string;
  readonly server: string;
  readonly serverMac: string;
  readonly acquiredAt: number;
  readonly renewAt: number | null;
  readonly rebindAt: number | null;
  readonly expiresAt: number | null;
  /** Values in hexadecimal digits, by their codes. */
  readonly options: { readonly [code: string]: string };
}

/**
 * The record of a lease; `boot` is the machine's boot ID, since the times are of a clock that
 * begins anew with each boot.
 */
export function leaseRecord(lease: Lease, boot: string): LeaseRecord {
  return {
    version: VERSION,
    boot,
    address: formatAddress(lease.address),
    server: formatAddress(lease.server),
    serverMac: formatMac(lease.serverMac),
    acquiredAt: lease.acquiredAt,
    renewAt: finite(lease.renewAt),
    rebindAt: finite(lease.rebindAt),
    expiresAt: finite(lease.expiresAt),
    options: Object.fromEntries([...lease.options].map(([code, value]) => [code, hex(value)])),
  };
}

function finite(time: number): number | null {
  return time === Infinity ? null : time;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The lease of a record; undefined if it is none, is damaged, or is of another boot. */
export function readLeaseRecord(record: unknown, boot: string): Lease | undefined {
  if (typeof record !== "object" || record === null) return undefined;
  const fields = record as { readonly [key: string]: unknown };
  if (fields.version !== VERSION || fields.boot !== boot) return undefined;
  const address = hostAt(fields.address);
  const server = hostAt(fields.server);
  const serverMac = typeof fields.serverMac === "string" ? parseMac(fields.serverMac) : undefined;
  const times = readTimes(fields);
  const options = readOptions(fields.options);
  if (!address || !server || !serverMac || !times || !options) return undefined;
  return { address, server, serverMac, options, ...times };
}

function hostAt(text: unknown): IpAddress | undefined {
  const address = typeof text === "string" ? parseAddress(text) : undefined;
  return address?.length === 4 && isHost(address) ? address : undefined;
}

function readTimes(fields: { readonly [key: string]: unknown }) {
  const acquiredAt = timeAt(fields.acquiredAt);
  const renewAt = timeAt(fields.renewAt);
  const rebindAt = timeAt(fields.rebindAt);
  const expiresAt = timeAt(fields.expiresAt);
  const isInOrder = acquiredAt <= renewAt && renewAt <= rebindAt && rebindAt <= expiresAt;
  const isRight = Number.isFinite(acquiredAt) && isInOrder;
  return isRight ? { acquiredAt, renewAt, rebindAt, expiresAt } : undefined;
}

/** NaN, which is neither before nor after anything, for what is no time. */
function timeAt(value: unknown): number {
  if (value === null) return Infinity;
  return typeof value === "number" ? value : Number.NaN;
}

function readOptions(value: unknown): Options | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const options = new Map<number, Uint8Array>();
  for (const [code, text] of Object.entries(value)) {
    const isKnown = RESULT_OPTIONS.includes(Number(code));
    if (!isKnown || typeof text !== "string" || !/^([\da-f]{2})*$/.test(text)) return undefined;
    const pairs = text.match(/../g) ?? [];
    options.set(
      Number(code),
      Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16)),
    );
  }
  return options;
}
