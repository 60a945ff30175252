/** Domain names in options: 15 as text (RFC 2132, 3.17), 119 compressed (RFC 3397, RFC 1035). */

import { Option, type Options } from "./options.ts";
import { type Drop, MOST } from "./values.ts";

/** The client's domain; it ends up in a resolv.conf, so it is a plain name or nothing. */
export function domainIn(options: Options, drop: Drop): string | undefined {
  const value = options.get(Option.domain);
  if (!value) return undefined;
  const name = ascii(value).replace(/\0+$/, "");
  if (isDomain(name)) return name;
  drop(`option ${Option.domain}: no domain name`);
  return undefined;
}

/** The domains in which names are searched; those after one that cannot be read are left out. */
export function searchIn(options: Options, drop: Drop): readonly string[] {
  const value = options.get(Option.domainSearch) ?? new Uint8Array();
  const names: string[] = [];
  for (let at = 0, count = 0; at < value.length; count++) {
    const read = count < MOST ? readName(value, at) : undefined;
    if (!read) {
      drop(`option ${Option.domainSearch}: no domain names from byte ${at} on`);
      break;
    }
    at = read.end;
    if (isDomain(read.name)) names.push(read.name);
    else drop(`option ${Option.domainSearch}: no domain name before byte ${at}`);
  }
  return names;
}

const LONGEST_NAME = 253;
const MOST_LABELS = 127;
const POINTER = 0xc0;

/**
 * The name that begins at a byte, and where the next one does; undefined if it leads nowhere. A
 * pointer leads back to what was before its own name began, so no name is without end.
 */
function readName(value: Uint8Array, start: number) {
  const labels: string[] = [];
  let end: number | undefined;
  let limit = start;
  let at = start;
  for (let steps = 0; steps <= 2 * MOST_LABELS; steps++) {
    const length = value[at];
    if (length === undefined) return undefined;
    if (length === 0) return { name: labels.join("."), end: end ?? at + 1 };
    if (length < POINTER) {
      const label = value.subarray(at + 1, at + 1 + length);
      if (length > 63 || label.length < length) return undefined;
      labels.push(ascii(label));
      at += 1 + length;
      continue;
    }
    const target = ((length & ~POINTER) << 8) | (value[at + 1] ?? 0xffff);
    if (target >= limit) return undefined;
    end ??= at + 2;
    limit = target;
    at = target;
  }
  return undefined;
}

function ascii(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, LONGEST_NAME + 2));
}

/** Letters, digits, hyphens and underscores between dots; a dot at the end is allowed. */
function isDomain(name: string): boolean {
  const label = /^[a-z\d_](?:[a-z\d_-]{0,61}[a-z\d_])?$/i;
  const labels = (name.endsWith(".") ? name.slice(0, -1) : name).split(".");
  return name.length <= LONGEST_NAME && labels.every((text) => label.test(text));
}
