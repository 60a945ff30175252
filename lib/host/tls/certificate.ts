/**
 * What BearSSL does not tell of a certificate (RFC 5280): the IP addresses that it is for, whether it
 * is one of a server, and the names and times that make an error understood. It is not verified here.
 */

import {
  asciiOf,
  type Element,
  type Moment,
  oidOf,
  partsOf,
  readElement,
  readElements,
  Tag,
  timeOf,
} from "./der.ts";

/** A certificate, as far as it is read. */
export interface Certificate {
  /** The common name of whom it is for, and of who has signed it; "" if there is none. */
  readonly subject: string;
  readonly issuer: string;
  /** From when until when. */
  readonly notBefore: Moment;
  readonly notAfter: Moment;
  /** The names and addresses that it is for; an address has 4 or 16 bytes. */
  readonly dnsNames: readonly string[];
  readonly addresses: readonly Uint8Array[];
  /** False if it is for other purposes only: a client's, say. */
  readonly isForServers: boolean;
}

/** Object identifiers: 2.5.4.3, 2.5.29.17, 2.5.29.37; serverAuth and any purpose. */
const COMMON_NAME = "550403";
const ALTERNATIVE_NAMES = "551d11";
const PURPOSES = "551d25";
const SERVER_PURPOSES = ["2b06010505070301", "551d2500"];
/** Tags of names in the extension. */
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;
const SIMPLE_NAMES = [0x81, DNS_NAME, 0x86, IP_ADDRESS, 0x88];
const NESTED_NAMES = [0xa0, 0xa3, 0xa4, 0xa5];
/** Tags of fields of a certificate. */
const EXTENSIONS = 0xa3;
const VERSION = 0xa0;

/** Reads certificates that follow each other; those before the first that cannot be read. */
export function readCertificates(bytes: Uint8Array): readonly Certificate[] {
  const certificates: Certificate[] = [];
  for (let left = bytes; left.length > 0; ) {
    const next = readElement(left);
    const certificate = next && readCertificate(next.element);
    if (!next || !certificate) break;
    certificates.push(certificate);
    left = next.rest;
  }
  return certificates;
}

function readCertificate(element: Element): Certificate | undefined {
  const [signed, ...signature] = partsOf(element, Tag.sequence) ?? [];
  const fields = partsOf(signed, Tag.sequence) ?? [];
  const [, , issuer, validity, subject, key, ...others] =
    fields[0]?.tag === VERSION ? fields.slice(1) : fields;
  const [from, until, ...more] = (partsOf(validity, Tag.sequence) ?? []).map(timeOf);
  const extensions = readExtensions(others.find(({ tag }) => tag === EXTENSIONS));
  const isWhole = key !== undefined && signature.length === 2 && more.length === 0;
  if (!isWhole || from === undefined || until === undefined || !extensions) return undefined;
  const names = readNames(extensions.get(ALTERNATIVE_NAMES));
  const purposes = readPurposes(extensions.get(PURPOSES));
  if (!names || !purposes) return undefined;
  return {
    subject: commonName(subject),
    issuer: commonName(issuer),
    notBefore: from,
    notAfter: until,
    ...names,
    isForServers: purposes.length === 0 || purposes.some((oid) => SERVER_PURPOSES.includes(oid)),
  };
}

/** By their identifiers; undefined if they are not in order, or one comes twice. */
function readExtensions(field: Element | undefined): ReadonlyMap<string, Uint8Array> | undefined {
  const extensions = new Map<string, Uint8Array>();
  if (!field) return extensions;
  const [list, ...others] = partsOf(field, EXTENSIONS) ?? [];
  const each = partsOf(list, Tag.sequence);
  if (!each || others.length > 0) return undefined;
  for (const element of each) {
    const parts = partsOf(element, Tag.sequence) ?? [];
    const [id, value] = [oidOf(parts[0]), parts.at(-1)];
    const isCritical = parts.length === 3 && parts[1]?.tag === Tag.boolean;
    if (id === undefined || value?.tag !== Tag.octets || extensions.has(id)) return undefined;
    if (parts.length !== 2 && !isCritical) return undefined;
    extensions.set(id, value.content);
  }
  return extensions;
}

/** The one element that some bytes are, of which nothing is left. */
function only(bytes: Uint8Array): Element | undefined {
  const next = readElement(bytes);
  return next && next.rest.length === 0 ? next.element : undefined;
}

function readNames(
  value: Uint8Array | undefined,
): Pick<Certificate, "dnsNames" | "addresses"> | undefined {
  if (!value) return { dnsNames: [], addresses: [] };
  const names = partsOf(only(value), Tag.sequence);
  if (!names?.every(isName)) return undefined;
  const contents = (wanted: number) =>
    names.filter(({ tag }) => tag === wanted).map(({ content }) => content);
  const addresses = contents(IP_ADDRESS);
  const isInOrder = addresses.every(({ length }) => length === 4 || length === 16);
  return isInOrder ? { dnsNames: contents(DNS_NAME).map(asciiOf), addresses } : undefined;
}

/** One of those that RFC 5280 has; who does not know a kind cannot know what the others mean. */
function isName({ tag, content }: Element): boolean {
  return SIMPLE_NAMES.includes(tag) || (NESTED_NAMES.includes(tag) && !!readElements(content));
}

/** Empty if it does not say: then it is for all. */
function readPurposes(value: Uint8Array | undefined): readonly string[] | undefined {
  if (!value) return [];
  const oids = partsOf(only(value), Tag.sequence)?.map(oidOf);
  const known = oids?.filter((oid) => oid !== undefined);
  return known && known.length > 0 && known.length === oids?.length ? known : undefined;
}

/** A name is a sequence of sets of pairs. */
function commonName(name: Element | undefined): string {
  const pairs = (partsOf(name, Tag.sequence) ?? [])
    .flatMap((set) => partsOf(set, Tag.set) ?? [])
    .map((pair) => partsOf(pair, Tag.sequence) ?? []);
  const found = pairs.find(([type]) => oidOf(type) === COMMON_NAME);
  return asciiOf(found?.[1]?.content ?? new Uint8Array(0)).slice(0, 64);
}
