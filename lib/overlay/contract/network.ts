/** What the hosts of a network agree on, and where its files are, unless its configuration says. */

/** The number that a network's packets bear. */
export const DEFAULT_VNI = 1;
/** The UDP port of all hosts, as Linux had it before there was a standard. */
export const DEFAULT_PORT = 8472;

/** Where a host finds out who the others are: contract/peers.ts. */
export function peersFilePath(network: string): string {
  return `/run/weft/${network}/peers.json`;
}

/** Where a host finds out what it is itself: contract/node.ts. */
export function nodeFilePath(network: string): string {
  return `/run/weft/${network}/node.json`;
}
