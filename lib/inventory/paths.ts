/** The ways to other hosts of overlays, for who looks after them. */

import type { Netns } from "../net/netns.ts";
import { listPaths, type Path } from "../overlay/paths.ts";

export type { Path, Way } from "../overlay/paths.ts";

/** One for each other end of each vxlan device, as the kernel knows them: nothing is sent. */
export function pathsToOthers(host: Netns): readonly Path[] {
  return listPaths(host);
}
