/** Base64 with padding (RFC 4648, section 4): how libcni keeps a configuration within JSON. */

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Bytes as text, four digits for three bytes. */
export function toBase64(bytes: Uint8Array): string {
  const groups: string[] = [];
  for (let at = 0; at < bytes.length; at += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(at, at + 3);
    const digits = digitsOf((a << 16) | (b << 8) | c);
    const missing = Math.max(0, at + 3 - bytes.length);
    groups.push(digits.slice(0, 4 - missing) + "=".repeat(missing));
  }
  return groups.join("");
}

function digitsOf(bits: number): string {
  return [18, 12, 6, 0].map((shift) => DIGITS[(bits >> shift) & 63]).join("");
}

/** The bytes that a text says; undefined if it is not base64. */
export function fromBase64(text: string): Uint8Array | undefined {
  const isBase64 = text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
  if (!isBase64) return undefined;
  const digits = text.replace(/=+$/, "");
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let [bits, count, length] = [0, 0, 0];
  for (const digit of digits) {
    bits = ((bits << 6) | DIGITS.indexOf(digit)) & 0xffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes[length++] = (bits >> count) & 255;
  }
  return bytes;
}
