/** What a node says for all its networks. */
import type { Bed } from "./bed.ts";
import { bedDirectory } from "./paths.ts";

/** Where it does. */
export const nodeFile = "/etc/cni/weft.json";

/** Gives a bed an /etc of its own, with an empty /etc/cni. */
export function ownEtc(bed: Bed): void {
  const etc = `${bedDirectory}/etc`;
  bed.host.sh(`mkdir ${etc}; cp -a /etc/. ${etc}; mount --bind ${etc} /etc
    rm -rf /etc/cni; mkdir /etc/cni`);
}

/** Writes the node file: text as it is, anything else as JSON. */
export function writeNodeFile(bed: Bed, content: unknown): void {
  bed.write(nodeFile, typeof content === "string" ? content : JSON.stringify(content));
}
