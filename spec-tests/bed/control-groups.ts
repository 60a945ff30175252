/** The control groups of this machine, for tests that run containers. */
import { mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";

const all = "/sys/fs/cgroup";

/** A script that mounts them where a private machine has none. */
export function controlGroupMounts(): string {
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const lines = mounts
    .map((line) => line.split(" "))
    .filter(([, at = "", kind = ""]) => at.startsWith(all) && kind.startsWith("cgroup"))
    .map(([, at = "", kind = "", options = ""]) => {
      const which = options.split(",").filter((each) => !/^(rw|ro|no\w+|relatime)$/.test(each));
      const words = kind === "cgroup" ? `-o ${which.join(",")}` : "";
      return `mkdir -p ${at}; mount -t ${kind} ${words} ${kind} ${at}`;
    });
  return [`mount -t tmpfs cgroup ${all}`, ...lines].join("\n");
}

/** Makes a group of this path in each hierarchy. */
export function makeControlGroup(path: string): void {
  for (const hierarchy of hierarchies()) mkdirSync(join(hierarchy, path), { recursive: true });
}

/** Removes groups of this path, and all below, from each hierarchy; they have no processes any more. */
export function removeControlGroup(path: string): void {
  for (const hierarchy of [all, ...hierarchies()]) removeFolders(join(hierarchy, path));
}

/** The names of the groups that are in no other one. */
export function topControlGroups(): readonly string[] {
  return [...new Set(hierarchies().flatMap(foldersIn))];
}

function hierarchies(): readonly string[] {
  const isOne = readdirSync(all).includes("cgroup.procs");
  return isOne ? [all] : foldersIn(all).map((each) => join(all, each));
}

function removeFolders(path: string): void {
  for (const each of foldersIn(path)) removeFolders(join(path, each));
  try {
    rmdirSync(path);
  } catch {
    // There is none in this hierarchy.
  }
}

function foldersIn(path: string): readonly string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.filter((each) => each.isDirectory()).map(({ name }) => name);
  } catch {
    return [];
  }
}
