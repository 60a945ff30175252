/** The files by which hosts of an overlay are joined. */

import { Failure } from "../host/failure.ts";
import { formatCidr } from "../ip/cidr.ts";
import { ContractError } from "../overlay/contract/error.ts";
import { nodeFilePath, peersFilePath } from "../overlay/contract/network.ts";
import { parseSubnets } from "../overlay/contract/values.ts";
import { readJson } from "../state/record.ts";

/** What a plugin's configuration says of them, and of its part of the network. */
export interface OverlayKeys {
  readonly peersFile?: unknown;
  readonly nodeFile?: unknown;
  readonly subnet?: unknown;
}

/** Where they are, as a plugin's configuration says, or where they usually are. */
export function overlayFiles(
  network: string,
  { peersFile, nodeFile }: OverlayKeys,
): readonly string[] {
  return [
    typeof peersFile === "string" ? peersFile : peersFilePath(network),
    typeof nodeFile === "string" ? nodeFile : nodeFilePath(network),
  ];
}

/** A plugin's part of its network, as its configuration or the node file says; none if neither does. */
export function overlaySubnets(network: string, plugin: OverlayKeys): readonly string[] {
  const [, nodeFile = ""] = overlayFiles(network, plugin);
  try {
    const subnet = plugin.subnet ?? subnetIn(readJson(nodeFile));
    return parseSubnets(subnet, "subnet").map(formatCidr);
  } catch (cause) {
    if (cause instanceof ContractError || cause instanceof Failure) return [];
    throw cause;
  }
}

function subnetIn(json: unknown): unknown {
  return typeof json === "object" && json !== null && "subnet" in json ? json.subnet : undefined;
}
