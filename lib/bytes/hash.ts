/** A small hash for names: even enough to tell attachments apart, no secret and no proof. */

/** 32 bits of a text: FNV-1a over its UTF-16 units, then murmur3's final mix. */
export function hash32(text: string, seed = 0): number {
  let h = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return mixed(h);
}

/** The same as eight hexadecimal digits. */
export function hash32Hex(text: string, seed = 0): string {
  return hash32(text, seed).toString(16).padStart(8, "0");
}

/** 64 bits of a text, as two numbers: both of hash32's with seeds 0 and 1, in one pass. */
export function hash64(text: string): { readonly low: number; readonly high: number } {
  let low = 0x811c9dc5;
  let high = 0x811c9dc4;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x01000193);
  }
  return { low: mixed(low), high: mixed(high) };
}

function mixed(value: number): number {
  let h = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
