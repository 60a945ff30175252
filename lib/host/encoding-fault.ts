/** Where bytes stop being text in UTF-8 (RFC 3629). */

/** What is wrong with bytes that are not UTF-8, in words. */
export function encodingFault(bytes: Uint8Array): string {
  const [first = 0, second = 0] = bytes;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (isUtf16) return "it is UTF-16: save it as UTF-8";
  const at = malformedAt(bytes);
  const line = bytes.subarray(0, at).reduce((sum, byte) => (byte === 0x0a ? sum + 1 : sum), 1);
  return `line ${line}: it is not UTF-8, byte ${at + 1} is 0x${(bytes[at] ?? 0).toString(16)}`;
}

/** The index of the first byte that does not begin a whole character. */
function malformedAt(bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] ?? 0;
    if (first < 0x80) {
      at++;
      continue;
    }
    const more = first < 0xc2 ? -1 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    const rest = bytes.subarray(at + 1, at + 1 + more);
    const isWhole = rest.length === more && rest.every((byte) => byte >> 6 === 2);
    const [second = 0] = rest;
    const isTooLong = (first === 0xe0 && second < 0xa0) || (first === 0xf0 && second < 0x90);
    const isNone = (first === 0xed && second > 0x9f) || (first === 0xf4 && second > 0x8f);
    if (more < 0 || first > 0xf4 || !isWhole || isTooLong || isNone) return at;
    at += 1 + more;
  }
  return 0;
}
