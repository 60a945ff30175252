/** A small hash for names: even enough to tell attachments apart, no secret and no proof. */

/** 32 bits of a text: FNV-1a over its UTF-16 units, then murmur3's final mix. */
export function hash32(text: string, seed = 0): number {
  let h = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The same as eight hexadecimal digits. */
export function hash32Hex(text: string, seed = 0): string {
  return hash32(text, seed).toString(16).padStart(8, "0");
}
