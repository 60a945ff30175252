/** Whose an element of a shared set is: its comment says so, to us and to who reads `nft list`. */

import { hash32Hex } from "../bytes/hash.ts";

/** The attachment that an element is there for. */
export interface Owner {
  readonly network: string;
  readonly containerID: string;
  readonly ifName: string;
}

/** The longest comment that `nft` reads back (NFTNL_UDATA_COMMENT_MAXLEN). */
const COMMENT_SIZE = 128;

/**
 * The owner as its elements show it: "network containerID ifName". One that is too long is cut;
 * hashes of the network and of the whole before it keep owners, and networks, apart.
 */
export function ownerText({ network, containerID, ifName }: Owner): string {
  const text = printable(`${network} ${containerID} ${ifName}`);
  if (text.length <= COMMENT_SIZE) return text;
  return `${longPrefix(network)}${fingerprint(text)} ${text}`.slice(0, COMMENT_SIZE);
}

/** True if a comment names an owner of this network. */
export function isOfNetwork(comment: string, network: string): boolean {
  return comment.startsWith(`${printable(network)} `) || comment.startsWith(longPrefix(network));
}

/** No name of a network begins like this. */
function longPrefix(network: string): string {
  return `#${fingerprint(network)} `;
}

/** What is not plain ASCII, or would end the quotes in which `nft` shows it, by its number. */
function printable(text: string): string {
  return text.replace(/[^ !#$&-[\]-~]/g, (unit) => `%${unit.charCodeAt(0).toString(16)};`);
}

function fingerprint(text: string): string {
  return hash32Hex(text) + hash32Hex(text, 0x9e3779b9);
}
