/** Names the reference plugins 1.x compute: whoever knows the attachment finds its rules by them. */

import { sha512Hex } from "../../net/digest.ts";
import type { Owner } from "../../net/owner.ts";

/** The iptables chain of a container in a network, whichever of its interfaces is meant. */
export function chainName({ network, containerID }: Owner): string {
  return `CNI-${sha512Hex(network + containerID, 24)}`;
}

/** True if a chain may be that of a container. */
export function isChainName(name: string): boolean {
  return /^CNI-[\da-f]{24}$/.test(name);
}

/** What the comments of all nftables rules of a network begin with. */
export function networkPrefix(network: string): string {
  return `${sha512Hex(network, 16)}-`;
}

/** What the comments of the nftables rules of an attachment begin with. */
export function attachmentPrefix({ network, containerID, ifName }: Owner): string {
  return networkPrefix(network) + sha512Hex(`${ifName}:${containerID}`, 16);
}

/** The iptables chain with the host ports of a container in a network. */
export function portChainName({ network, containerID }: Owner): string {
  return `CNI-DN-${sha512Hex(network + containerID, 22).slice(0, 21)}`;
}

/** The device that shapes what a container sends in a network, whichever of its interfaces. */
export function shaperName({ network, containerID }: Owner): string {
  return `bwp${sha512Hex(network + containerID, 12)}`;
}
