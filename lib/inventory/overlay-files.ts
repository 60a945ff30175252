/** The files by which hosts of an overlay are joined. */

import { nodeFilePath, peersFilePath } from "../overlay/contract/network.ts";

/** Where they are, as a plugin's configuration says, or where they usually are. */
export function overlayFiles(
  network: string,
  { peersFile, nodeFile }: { readonly peersFile?: unknown; readonly nodeFile?: unknown },
): readonly string[] {
  return [
    typeof peersFile === "string" ? peersFile : peersFilePath(network),
    typeof nodeFile === "string" ? nodeFile : nodeFilePath(network),
  ];
}
