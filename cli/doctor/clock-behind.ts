/** Files that were written later than it is now: the clock of this host was set back. */

import { bootTime } from "../../lib/host/boot.ts";
import { bootMilliseconds } from "../../lib/host/epoll.ts";
import { fileStatus } from "../../lib/host/file-status.ts";
import { overlayFiles } from "../../lib/inventory/overlay-files.ts";
import type { Check, Examined } from "./finding.ts";
import { networkTraces } from "./network-traces.ts";
import { overlaysOf } from "./overlay-entries.ts";
import { few } from "./words.ts";

/** Clocks are set right by less while a host comes up. */
const SLACK_SECONDS = 60;

export const clockBehind: Check = (examined) => {
  const began = bootTime();
  if (began === 0) return [];
  const now = began + bootMilliseconds() / 1000;
  const later = [...filesOfOverlays(examined), ...filesOfLeases(examined)].filter(
    (path) => (fileStatus(path)?.changedSeconds ?? 0) > now + SLACK_SECONDS,
  );
  if (later.length === 0) return [];
  const finding = `Files were written later than it is now: ${few(later)}`;
  const advice = "Set the clock of this host right: what is as old as a lease cannot be told";
  return [{ id: "clock-behind", level: "warning", finding, advice }];
};

/** The files by which this host is joined with others. */
export function filesOfOverlays(examined: Examined): readonly string[] {
  return overlaysOf(examined).flatMap(({ list, plugin }) => overlayFiles(list.name, plugin));
}

function filesOfLeases(examined: Examined): readonly string[] {
  const things = networkTraces(examined).flatMap(({ attachments }) =>
    attachments.flatMap((each) => each.things),
  );
  return things
    .filter(({ kind }) => kind === "lease")
    .map(({ what }) => what.slice(what.indexOf("/")));
}
