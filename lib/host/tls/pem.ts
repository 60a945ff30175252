/** PEM files (RFC 7468): certificates and keys as text, and what is wrong with them, in words. */

/** What stands between two lines of a PEM file. */
export interface PemBlock {
  /** Such as CERTIFICATE. */
  readonly label: string;
  readonly bytes: Uint8Array;
}

/** All blocks of a file, or what is wrong with it. */
export type PemFile = { readonly blocks: readonly PemBlock[] } | { readonly fault: string };

const BEGIN = /^-----BEGIN ([A-Z0-9 ]+)-----$/;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES = new Int8Array(128).fill(-1);
for (let i = 0; i < ALPHABET.length; i++) VALUES[ALPHABET.charCodeAt(i)] = i;

/** Reads a file; what stands outside of its blocks is for people. */
export function readPem(text: string): PemFile {
  const lines = text.split("\n").map((line) => line.trim());
  const blocks: PemBlock[] = [];
  for (let i = 0; i < lines.length; i++) {
    const label = BEGIN.exec(lines[i] ?? "")?.[1];
    if (label === undefined) continue;
    const end = lines.indexOf(`-----END ${label}-----`, i);
    if (end < 0) return { fault: `line ${i + 1} begins a ${label} that has no end` };
    const body = lines.slice(i + 1, end);
    if (isEncrypted(label, body)) return { fault: "its key is encrypted, give one that is not" };
    const bytes = decodeBase64(body.join(""));
    if (!bytes) return { fault: `the ${label} of line ${i + 1} is no base64` };
    blocks.push({ label, bytes });
    i = end;
  }
  return { blocks };
}

function isEncrypted(label: string, body: readonly string[]): boolean {
  return label === "ENCRYPTED PRIVATE KEY" || body.some((line) => /^Proc-Type:.*ENC/.test(line));
}

/** Bytes of base64 (RFC 4648) with its padding; undefined if it is anything else. */
export function decodeBase64(text: string): Uint8Array | undefined {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const length = text.length - padding;
  if (text.length % 4 !== 0) return undefined;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  let bits = 0;
  for (let i = 0, at = 0; i < length; i++) {
    const value = VALUES[text.charCodeAt(i)] ?? -1;
    if (value < 0) return undefined;
    bits = ((bits << 6) | value) & 0xffffff;
    if (i % 4 === 0) continue;
    bytes[at++] = bits >> (6 - 2 * (i % 4));
  }
  return bytes;
}
