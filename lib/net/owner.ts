/**
 * Whose a thing is: links say so in their alias, elements and rules of nf_tables and iptables in
 * their comment. Both texts are made here, and are understood here and nowhere else.
 *
 *   weft net 6f2c… eth0                                        alias of a link
 *        net 6f2c… eth0                                        comment
 *        #<hash of the network> <hash of all three> net 6f2c…  where that is too long
 *
 * A network is told by its whole name or by the hash of its whole name, never by how it begins.
 * What earlier versions wrote differs where names are long, and is recognised as well.
 */

import { hash32Hex } from "../bytes/hash.ts";
import { sha512Hex } from "./digest.ts";

/** The attachment that something is there for. */
export interface Owner {
  readonly network: string;
  readonly containerID: string;
  readonly ifName: string;
}

/** The longest alias that the kernel keeps (IFALIASZ, with a zero at its end). */
export const ALIAS_SIZE = 255;
/** The longest comment that `nft` reads back (NFTNL_UDATA_COMMENT_MAXLEN). */
const COMMENT_SIZE = 128;
/** The longest comment of a rule of iptables (XT_MAX_COMMENT_LEN, with a zero at its end). */
export const RULE_COMMENT_SIZE = 255;
/** What every alias begins with. */
const ALIAS = "weft ";
/** Hexadecimal digits of a hash. */
const DIGITS = 32;

/* ---- aliases ---- */

/** The alias of an owner's links. */
export function ownerAlias(owner: Owner): string {
  return ALIAS + textOf(owner, ALIAS_SIZE - ALIAS.length);
}

/** The aliases that an owner's links may bear: what is written now, and what was written before. */
export function ownerAliases(owner: Owner): readonly string[] {
  return distinct(ownerAlias(owner), formerAlias(owner));
}

/** True if an alias says that a link is this owner's. */
export function isAliasOf(alias: string, owner: Owner): boolean {
  return ownerAliases(owner).includes(alias);
}

/** True if an alias names an owner, whoever that is. */
export function namesOwner(alias: string): boolean {
  return alias.startsWith(ALIAS);
}

/**
 * True if an alias may name the owner whom a comment names. Where both are cut they share hashes;
 * of what earlier versions cut, the network alone decides.
 */
export function mayBeAliasOf(alias: string, comment: string): boolean {
  if (!alias.startsWith(ALIAS)) return false;
  const text = alias.slice(ALIAS.length);
  const [network = "", whole = ""] = comment.split(" ");
  if (!network.startsWith("#")) return text !== "" && text === comment;
  if (text.startsWith("#")) return text.startsWith(`${network} ${whole} `);
  const [, hash] = FORMER_ALIAS.exec(text)?.slice(1) ?? [];
  if (hash !== undefined) return network.slice(1, 1 + hash.length) === hash;
  return whole === digest(text) || whole === formerFingerprint(text);
}

/** The owner whom an alias names; undefined if it does not tell all of the names. */
export function ownerInAlias(alias: string): Owner | undefined {
  return alias.startsWith(ALIAS) ? ownerIn(alias.slice(ALIAS.length)) : undefined;
}

/** True if an alias says that a link is of this network. */
export function isAliasOfNetwork(alias: string, network: string): boolean {
  if (!alias.startsWith(ALIAS)) return false;
  const text = alias.slice(ALIAS.length);
  return isTextOfNetwork(text, network) || isFormerAliasTextOfNetwork(text, network);
}

/**
 * What the aliases of links begin with that all attachments of a network share: `kind network `.
 * Behind it there is room for `rest` characters.
 */
export function sharedAlias(kind: string, network: string, rest: number): string {
  const size = ALIAS_SIZE - kind.length - rest - "  ".length;
  return `${kind} ${network.length <= size ? network : `#${digest(network)}`} `;
}

/* ---- comments ---- */

/** The comment of an owner's elements and rules. */
export function ownerText(owner: Owner): string {
  return textOf(owner, COMMENT_SIZE);
}

/** The comments that an owner's elements may have: what is written now, and was written before. */
export function ownerTexts(owner: Owner): readonly string[] {
  return distinct(ownerText(owner), formerComment(owner));
}

/** The owner whom a comment names; undefined if it does not tell all of the names. */
export function ownerIn(comment: string): Owner | undefined {
  const [network, containerID, ifName, ...more] = comment.split(" ");
  const isCut = comment.startsWith("#") || comment.includes("%") || more.length > 0;
  if (isCut || !network || !containerID || !ifName) return undefined;
  return { network, containerID, ifName };
}

/** Whether an owner is known and is another attachment of the same container. */
export function isSibling(one: Owner | undefined, other: Owner): boolean {
  if (one?.containerID !== other.containerID) return false;
  return one.network !== other.network || one.ifName !== other.ifName;
}

/** The owner whom a comment names, for people. */
export function nameOwner(comment: string): string {
  const owner = ownerIn(comment);
  if (!owner) return `the attachment "${comment}"`;
  const { network, containerID, ifName } = owner;
  return `interface "${ifName}" of container "${containerID}" in network "${network}"`;
}

/** True if a comment names an owner of this network. */
export function isOfNetwork(comment: string, network: string): boolean {
  const isFormer = comment.startsWith(`#${formerFingerprint(network)} `);
  return isFormer || isTextOfNetwork(comment, network);
}

/* ---- comments in the words of the reference plugins ---- */

/** What rules bear that the reference plugin could have made; names that do not fit by their hash. */
export function quotedNames({ network, containerID }: Owner, size: number): string {
  const whole = `name: "${network}" id: "${containerID}"`;
  if (whole.length <= size) return whole;
  return `name: "#${digest(network)}" id: "#${digest(containerID)}"`;
}

/** What `quotedNames` begins with for the attachments of a network. */
export function quotedNetwork(network: string): readonly string[] {
  return [network, `#${digest(network)}`].map((name) => `name: "${name}" id: `);
}

/** The comment of rules that all attachments of a network share. */
export function sharedComment(network: string): string {
  const whole = `network ${network}`;
  return whole.length <= RULE_COMMENT_SIZE ? whole : `network #${digest(network)}`;
}

/* ---- the rule ---- */

/** The three names; where they are too long, two hashes, and as much of the names as fits. */
function textOf({ network, containerID, ifName }: Owner, size: number): string {
  const text = printable(`${network} ${containerID} ${ifName}`);
  if (text.length <= size) return text;
  return `#${digest(network)} ${digest(text)} ${text}`.slice(0, size);
}

/** No name of a network or container begins with `#` or has a blank in it. */
function isTextOfNetwork(text: string, network: string): boolean {
  const [word = "", next = "#", ...rest] = text.split(" ");
  if (word.startsWith("#")) return word === `#${digest(network)}`;
  return word === printable(network) && !next.startsWith("#") && rest.length === 1;
}

/** What is not plain ASCII, or would end the quotes in which `nft` shows it, by its number. */
function printable(text: string): string {
  return text.replace(/[^ !#$&-[\]-~]/g, (unit) => `%${unit.charCodeAt(0).toString(16)};`);
}

function digest(text: string): string {
  return sha512Hex(text, DIGITS);
}

/* ---- what versions up to 0.1.0 wrote ---- */

/** Aliases of more than 240 characters had the network's first 150, and 32 bits of its hash. */
function formerAlias({ network, containerID, ifName }: Owner): string {
  const alias = `${ALIAS}${network} ${containerID} ${ifName}`;
  if (alias.length <= 240) return alias;
  const rest = `${containerID} ${ifName}`;
  const hashes = `${hash32Hex(network)}${hash32Hex(rest)}${hash32Hex(rest, 1)}`;
  return `${ALIAS}${network.slice(0, FORMER_PREFIX)} #${hashes}`;
}

const FORMER_PREFIX = 150;
const FORMER_ALIAS = /^(\S+) #([\da-f]{8})[\da-f]{16}$/;

/**
 * A network of as many characters as were kept is told by all of its name. Of a longer one 32 bits
 * of a hash are not enough to delete a link by: it goes with DEL, which knows all three names.
 */
function isFormerAliasTextOfNetwork(text: string, network: string): boolean {
  if (network.length > FORMER_PREFIX) return false;
  const [, kept, hash] = FORMER_ALIAS.exec(text) ?? [];
  return hash === hash32Hex(network) && kept === network;
}

/** Comments of more than 128 characters began with 64 bits of each hash. */
function formerComment({ network, containerID, ifName }: Owner): string {
  const text = printable(`${network} ${containerID} ${ifName}`);
  if (text.length <= COMMENT_SIZE) return text;
  const hashes = `#${formerFingerprint(network)} ${formerFingerprint(text)}`;
  return `${hashes} ${text}`.slice(0, COMMENT_SIZE);
}

function formerFingerprint(text: string): string {
  return hash32Hex(text) + hash32Hex(text, 0x9e3779b9);
}

function distinct(now: string, before: string): readonly string[] {
  return now === before ? [now] : [now, before];
}
