/** Names the reference plugins 1.x compute: whoever knows the attachment finds its rules by them. */

import { sha512 } from "@noble/hashes/sha2";
import type { Owner } from "./nft-owner.ts";

/** The first hexadecimal digits of the SHA-512 of a text. */
function digits(text: string, count: number): string {
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const hash = Array.from(sha512(bytes).subarray(0, count / 2));
  return hash.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The iptables chain of a container in a network, whichever of its interfaces is meant. */
export function chainName({ network, containerID }: Owner): string {
  return `CNI-${digits(network + containerID, 24)}`;
}

/** True if a chain may be that of a container. */
export function isChainName(name: string): boolean {
  return /^CNI-[\da-f]{24}$/.test(name);
}

/** What the comments of all nftables rules of a network begin with. */
export function networkPrefix(network: string): string {
  return `${digits(network, 16)}-`;
}

/** What the comments of the nftables rules of an attachment begin with. */
export function attachmentPrefix({ network, containerID, ifName }: Owner): string {
  return networkPrefix(network) + digits(`${ifName}:${containerID}`, 16);
}

/** The iptables chain with the host ports of a container in a network. */
export function portChainName({ network, containerID }: Owner): string {
  return `CNI-DN-${digits(network + containerID, 22).slice(0, 21)}`;
}

/** The device that shapes what a container sends in a network, whichever of its interfaces. */
export function shaperName({ network, containerID }: Owner): string {
  return `bwp${digits(network + containerID, 12)}`;
}
