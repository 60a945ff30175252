/** Files of an overlay that nobody has written since this host was started. */

import { bootTime } from "../../lib/host/boot.ts";
import { fileStatus } from "../../lib/host/file-status.ts";
import { filesOfOverlays } from "./clock-behind.ts";
import type { Check } from "./finding.ts";

/** A clock that was set while the host came up. */
const SLACK_SECONDS = 60;

export const overlayFileOld: Check = (examined) => {
  const began = bootTime();
  const old = filesOfOverlays(examined).filter((path) => {
    const changed = fileStatus(path)?.changedSeconds;
    return changed !== undefined && changed < began - SLACK_SECONDS;
  });
  return old.map((path) => ({
    id: "overlay-file-old",
    level: "note",
    finding: `"${path}" was not written since this host was started`,
    advice: "Look whether whoever maintains it runs; if that is a person, all is well",
  }));
};
