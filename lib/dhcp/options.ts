/**
 * DHCP options (RFC 2132): a code, a length, a value, one after the other.
 *
 *   53 1 5 | 1 4 255 255 255 0 | 0 0 (pad) | 255 (end)
 *
 * A value over 255 bytes is several options of one code, whose parts are joined (RFC 3396). What
 * the option field has no room for is in the fields `file` and `sname`, as option 52 says.
 */

import type { Writer } from "../bytes/codec.ts";
import { DhcpError } from "./error.ts";

/** Options by their codes, each of them whole. */
export type Options = ReadonlyMap<number, Uint8Array>;

/** The options that this client knows by name (RFC 2132, 3397, 3442). */
export const Option = {
  subnetMask: 1,
  routers: 3,
  nameServers: 6,
  domain: 15,
  mtu: 26,
  staticRoutes: 33,
  requestedAddress: 50,
  leaseTime: 51,
  overload: 52,
  messageType: 53,
  server: 54,
  requestList: 55,
  message: 56,
  largestMessage: 57,
  renewalTime: 58,
  rebindingTime: 59,
  clientIdentifier: 61,
  domainSearch: 119,
  classlessRoutes: 121,
} as const;

const PAD = 0;
const END = 255;
const LONGEST = 255;

/** Writes options in the order of their codes, and the mark of their end. */
export function writeOptions(out: Writer, options: Options): void {
  const codes = [...options.keys()].sort((a, b) => a - b);
  for (const code of codes) writeOption(out, code, options.get(code) ?? new Uint8Array());
  out.u8(END);
}

function writeOption(out: Writer, code: number, value: Uint8Array): void {
  let at = 0;
  do {
    const part = value.subarray(at, at + LONGEST);
    out.u8(code);
    out.u8(part.length);
    out.raw(part);
    at += LONGEST;
  } while (at < value.length);
}

/** The fields of a message that can hold options. */
export interface OptionFields {
  readonly options: Uint8Array;
  readonly file: Uint8Array;
  readonly sname: Uint8Array;
}

/** The options of a message; DhcpError if one says that it is longer than its field. */
export function readOptions({ options, file, sname }: OptionFields): Options {
  const parts = new Map<number, Uint8Array[]>();
  collect(parts, options);
  const overload = parts.get(Option.overload)?.[0]?.[0] ?? 0;
  if (overload & 1) collect(parts, file);
  if (overload & 2) collect(parts, sname);
  return new Map([...parts].map(([code, all]) => [code, joined(all)]));
}

/** The mark of the end may be missing: then the field's end is it. */
function collect(parts: Map<number, Uint8Array[]>, field: Uint8Array): void {
  let at = 0;
  while (at < field.length) {
    const code = field[at++] ?? END;
    if (code === END) return;
    if (code === PAD) continue;
    const length = field[at++] ?? 0;
    if (at > field.length || at + length > field.length) {
      const state = `it claims ${length} bytes, ${Math.max(field.length - at, 0)} remain`;
      throw new DhcpError(`Cannot read DHCP option ${code}: ${state}`);
    }
    const value = field.subarray(at, at + length);
    const known = parts.get(code);
    if (known) known.push(value);
    else parts.set(code, [value]);
    at += length;
  }
}

/** A copy, which outlives the buffer that the parts are in. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
