/** Base64 with padding (RFC 4648, section 4). */

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const values = new Uint8Array(128);
for (let i = 0; i < DIGITS.length; i++) values[DIGITS.charCodeAt(i)] = i;

/** Bytes as text, four digits for three bytes. */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const bits = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    const left = bytes.length - at;
    text += `${DIGITS[bits >> 18]}${DIGITS[(bits >> 12) & 63]}`;
    text += `${left > 1 ? DIGITS[(bits >> 6) & 63] : "="}${left > 2 ? DIGITS[bits & 63] : "="}`;
  }
  return text;
}

/** The bytes that a text says; undefined if it is not base64. */
export function fromBase64(text: string): Uint8Array | undefined {
  const isBase64 = text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
  if (!isBase64) return undefined;
  const end = text.indexOf("=", text.length - 2);
  const digits = end < 0 ? text.length : end;
  const bytes = new Uint8Array((digits * 3) >> 2);
  let [bits, count, length] = [0, 0, 0];
  for (let i = 0; i < digits; i++) {
    bits = ((bits << 6) | (values[text.charCodeAt(i)] ?? 0)) & 0xffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes[length++] = (bits >> count) & 255;
  }
  return bytes;
}
