import { spawnSync } from "node:child_process";
import { accessSync, constants, readdirSync, statSync } from "node:fs";
import { binDirectory } from "./paths.ts";

/** The answer to VERSION. */
export interface VersionAnswer {
  readonly cniVersion: string;
  readonly supportedVersions: readonly string[];
}

/** One tested executable. */
export interface Executable {
  readonly name: string;
  /** Its answer to VERSION, if it gave one. */
  readonly version: VersionAnswer | undefined;
}

/** Everything in the tested folder that can be executed; nothing is listed by hand. */
export function executables(): readonly Executable[] {
  const names = readdirSync(binDirectory).filter(isExecutable).sort();
  return names.map((name) => ({ name, version: askVersion(name) }));
}

/** Every executable but `weft`, which is the suite's command line and not a plugin. */
export function plugins(): readonly Executable[] {
  return executables().filter(({ name, version }) => name !== "weft" || version !== undefined);
}

function isExecutable(name: string): boolean {
  try {
    accessSync(`${binDirectory}/${name}`, constants.X_OK);
    return statSync(`${binDirectory}/${name}`).isFile();
  } catch {
    return false;
  }
}

function askVersion(name: string): VersionAnswer | undefined {
  const env = { CNI_COMMAND: "VERSION" };
  const { stdout } = spawnSync(`${binDirectory}/${name}`, { env, input: "" });
  try {
    const answer = JSON.parse(`${stdout}`) as VersionAnswer;
    return Array.isArray(answer.supportedVersions) ? answer : undefined;
  } catch {
    return undefined;
  }
}
