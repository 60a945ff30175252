/** The names an ifb may have. */

import type { Attachment } from "../../lib/cni/call.ts";
import { shaperName } from "../../lib/filter/reference/names.ts";

/**
 * The name the reference plugin gives, which is one for all interfaces of a container in a
 * network, and one for the interface alone, should another have taken the first.
 */
export function shaperNames(attachment: Attachment): readonly [string, string] {
  const { network, containerID, ifName } = attachment;
  const ofInterface = { ...attachment, network: `${network}/${ifName}/`, containerID };
  return [shaperName(attachment), shaperName(ofInterface)];
}
