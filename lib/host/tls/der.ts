/** DER (X.690): elements of a certificate, one by one. What is not DER is undefined, never thrown. */

/** Tags that certificates are made of, with their class and form. */
export const Tag = {
  boolean: 0x01,
  octets: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  printable: 0x13,
  ia5: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One element: its tag, and what is in it. */
export interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** The element at the start of some bytes, and the bytes after it. */
export function readElement(
  bytes: Uint8Array,
): { readonly element: Element; readonly rest: Uint8Array } | undefined {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return undefined;
  const more = first < 0x80 ? 0 : first & 0x7f;
  const length = more === 0 ? first : longLength(bytes.subarray(2, 2 + more), more);
  const start = 2 + more;
  if (length === undefined || length > bytes.length - start) return undefined;
  const content = bytes.subarray(start, start + length);
  return { element: { tag, content }, rest: bytes.subarray(start + length) };
}

/** In as few bytes as can be; 3 are enough for 16 MB. */
function longLength(bytes: Uint8Array, count: number): number | undefined {
  if (count < 1 || count > 3 || bytes.length < count) return undefined;
  const length = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  return length < 0x80 || bytes[0] === 0 ? undefined : length;
}

/** All elements of which some bytes consist, to their last one. */
export function readElements(bytes: Uint8Array): readonly Element[] | undefined {
  const elements: Element[] = [];
  for (let left = bytes; left.length > 0; ) {
    const next = readElement(left);
    if (!next) return undefined;
    elements.push(next.element);
    left = next.rest;
  }
  return elements;
}

/** What an element of this tag consists of; undefined if it is another one, or none. */
export function partsOf(element: Element | undefined, tag: number): readonly Element[] | undefined {
  return element?.tag === tag ? readElements(element.content) : undefined;
}

/** An object identifier, by its bytes in hexadecimal: 551d11 is 2.5.29.17. */
export function oidOf(element: Element | undefined): string | undefined {
  const bytes = element?.tag === Tag.oid ? element.content : new Uint8Array(0);
  if (((bytes.at(-1) ?? 0x80) & 0x80) !== 0) return undefined;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A time: in milliseconds since 1970, and as text such as `2026-01-31T12:00:00Z`. */
export interface Moment {
  readonly at: number;
  readonly text: string;
}

/** A time of a certificate (RFC 5280, 4.1.2.5). */
export function timeOf(element: Element | undefined): Moment | undefined {
  const digits = asciiOf(element?.content ?? new Uint8Array(0));
  const isShort = element?.tag === Tag.utcTime;
  if (!isShort && element?.tag !== Tag.generalizedTime) return undefined;
  const full = isShort ? `${digits.slice(0, 2) < "50" ? "20" : "19"}${digits}` : digits;
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full)?.slice(1);
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = (parts ?? []).map(
    Number,
  );
  const isReal = day >= 1 && day <= daysOf(year, month) && hour < 24 && minute < 60 && second < 60;
  if (!parts || !isReal) return undefined;
  const [y, m, d, ...time] = parts;
  const at = ((dayNumber(year, month, day) * 24 + hour) * 60 + minute) * 60_000 + second * 1000;
  return { at, text: `${y}-${m}-${d}T${time.join(":")}Z` };
}

/** How many days a month has; 0 if there is no such month. */
function daysOf(year: number, month: number): number {
  if (month < 1 || month > 12) return 0;
  const next = month === 12 ? dayNumber(year + 1, 1, 1) : dayNumber(year, month + 1, 1);
  return next - dayNumber(year, month, 1);
}

/** Days since 1970; a year begins with March here, so that a leap day is its last. */
function dayNumber(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const ofYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return 365 * y + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + ofYear - 719_468;
}

/** Bytes as text that can be shown to people: what is not printable ASCII is a question mark. */
export function asciiOf(bytes: Uint8Array): string {
  const characters = Array.from(bytes, (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "?",
  );
  return characters.join("");
}
