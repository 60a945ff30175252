/** The two suites that can serve one network: this one and the reference plugins. */

import { spawnSync } from "node:child_process";
import type { Bed } from "./bed.ts";
import { allVersions } from "./configs.ts";
import type { VersionAnswer } from "./executables.ts";
import type { RunOptions } from "./invocation.ts";
import { peerDirectory } from "./paths.ts";

/** One of the two suites. */
export type Side = "ours" | "theirs";

/** Each side, and the other one. */
export const bothWays = [
  ["ours", "theirs"],
  ["theirs", "ours"],
] as const;

/** Whose interface plugin is run, and whose address managers it finds. */
export function by(bed: Bed, plugin: Side, ipam: Side = plugin): RunOptions {
  return { from: folderOf(bed, plugin), path: folderOf(bed, ipam) };
}

function folderOf(bed: Bed, side: Side): string {
  return side === "ours" ? bed.bin : bed.peer;
}

/** The versions of the specification that both sides know, oldest first. */
export const commonVersions: readonly string[] = allVersions.filter((version) =>
  versionsOfPeer().includes(version),
);

/** Whether a version has CHECK. */
export function hasCheck(version: string): boolean {
  return allVersions.indexOf(version) >= allVersions.indexOf("0.4.0");
}

function versionsOfPeer(): readonly string[] {
  const env = { CNI_COMMAND: "VERSION" };
  const input = '{"cniVersion":"1.0.0"}';
  const { stdout } = spawnSync(`${peerDirectory}/bridge`, { env, input });
  try {
    return (JSON.parse(`${stdout}`) as VersionAnswer).supportedVersions;
  } catch {
    return [];
  }
}
