/** The suites that can serve one network: this one, and releases of the reference plugins. */

import { spawnSync } from "node:child_process";
import type { Bed } from "./bed.ts";
import { allVersions } from "./configs.ts";
import type { VersionAnswer } from "./executables.ts";
import type { RunOptions } from "./invocation.ts";
import { laterPeerDirectory, peerDirectory } from "./paths.ts";

/** A release of the reference plugins: this machine's own, or 1.9.1. */
export type Reference = "theirs" | "theirs 1.9.1";

/** One of the suites. */
export type Side = "ours" | Reference;

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
  return { ours: bed.bin, theirs: bed.peer, "theirs 1.9.1": bed.laterPeer }[side];
}

/** The versions of the specification that we and a release of the reference know, oldest first. */
export const versionsWith: Readonly<Record<Reference, readonly string[]>> = {
  theirs: versionsOf(peerDirectory),
  "theirs 1.9.1": versionsOf(laterPeerDirectory),
};

/** The versions of the specification that both sides know, oldest first. */
export const commonVersions = versionsWith.theirs;

/** Whether a version has CHECK. */
export function hasCheck(version: string): boolean {
  return allVersions.indexOf(version) >= allVersions.indexOf("0.4.0");
}

function versionsOf(folder: string): readonly string[] {
  const env = { CNI_COMMAND: "VERSION" };
  const input = '{"cniVersion":"1.0.0"}';
  const { stdout } = spawnSync(`${folder}/bridge`, { env, input });
  try {
    const { supportedVersions } = JSON.parse(`${stdout}`) as VersionAnswer;
    return allVersions.filter((version) => supportedVersions.includes(version));
  } catch {
    return [];
  }
}
