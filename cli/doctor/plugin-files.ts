/** Which file each plugin is that a runtime would run: none, ours, or somebody else's. */

import * as host from "host";
import { isPlainName } from "../../lib/cni/environment.ts";
import { command } from "./command.ts";
import type { Check, Finding } from "./finding.ts";
import { listsOf, quoted, typesOf } from "./loaded.ts";
import { findProgram, type Program } from "./program.ts";
import type { Runtime } from "./runtime.ts";

/** For each runtime, the plugins of the networks that it takes, and the loopback of a pod. */
export const pluginFiles: Check = ({ runtimes: { found, faults } }) => [
  ...faults.map(
    ({ name, state }): Finding => ({
      ...{ id: "runtime-config", level: "warning" },
      finding: `What ${name} would run cannot be told: ${state}`,
      advice: `Correct the file: ${name} may not start with it either`,
    }),
  ),
  ...found.flatMap(findingsOf),
];

interface Resolved {
  readonly type: string;
  /** The file that is run, the first that there is; undefined if there is none. */
  readonly program: Program | undefined;
}

function findingsOf(runtime: Runtime): readonly Finding[] {
  const lists = listsOf(runtime);
  const isForPods = ["containerd", "CRI-O"].includes(runtime.name) && lists.length > 0;
  const types = new Set([...lists.flatMap(typesOf), ...(isForPods ? ["loopback"] : [])]);
  const resolved = [...types].filter(isPlainName).map((type) => resolve(runtime, type));
  return [
    ...missing(runtime, resolved),
    ...notRun(runtime, resolved),
    ...others(runtime, resolved),
  ];
}

function resolve({ pluginDirs }: Runtime, type: string): Resolved {
  for (const directory of pluginDirs) {
    const program = findProgram(`${directory}/${type}`);
    if (program) return { type, program };
  }
  return { type, program: undefined };
}

function missing(runtime: Runtime, resolved: readonly Resolved[]): readonly Finding[] {
  const types = resolved.flatMap(({ type, program }) => (program ? [] : [type]));
  if (types.length === 0) return [];
  const places = runtime.pluginDirs.join(", ");
  const isOurs = types.every((type) => host.commands().includes(type));
  const install = `Install ${isOurs ? "weft" : "them"} into ${runtime.pluginDirs[0]}`;
  return [
    {
      ...{ id: "plugin-missing", level: "error" },
      finding: `${runtime.name} finds no plugin ${quoted(types)} in ${places}, and cannot attach`,
      advice: `${install}, or let ${sourceOf(runtime)} name the directory where they are`,
    },
  ];
}

function notRun(runtime: Runtime, resolved: readonly Resolved[]): readonly Finding[] {
  const paths = resolved.flatMap(({ program }) =>
    program && !program.isExecutable ? [program.path] : [],
  );
  if (paths.length === 0) return [];
  const finding = `${runtime.name} may not execute ${paths.join(", ")}`;
  return [
    {
      id: "plugin-not-executable",
      level: "error",
      finding,
      advice: `Run: ${command("chmod", "755", ...paths)}`,
    },
  ];
}

/** Files under the names of our plugins that are not ours: some among ours, or all of them. */
function others(runtime: Runtime, resolved: readonly Resolved[]): readonly Finding[] {
  const named = resolved.filter(({ type }) => host.commands().includes(type));
  const programs = named.flatMap(({ program }) => program ?? []);
  const strange = programs.filter(({ origin }) => origin === "reference" || origin === "other");
  const isMixed = strange.length < programs.length;
  return [
    ...(strange.length > 0 ? [otherFinding(runtime, strange, isMixed)] : []),
    ...buildFindings(runtime, programs),
  ];
}

function otherFinding(runtime: Runtime, strange: readonly Program[], isMixed: boolean): Finding {
  const paths = (wanted: Program["origin"]) =>
    strange.flatMap(({ path, origin }) => (origin === wanted ? [path] : [])).join(", ");
  const words = [
    paths("reference") && `${paths("reference")} of the reference plugins`,
    paths("other") && `${paths("other")} of unknown origin`,
  ];
  const also = isMixed ? ", but other plugins of this suite" : ", and no plugin of this suite";
  return {
    ...{ id: "plugin-other", level: isMixed ? "warning" : "note" },
    finding: `${runtime.name} runs ${words.filter(Boolean).join(" and ")}${also}`,
    advice: `Install weft there, or let ${sourceOf(runtime)} name the directory of weft first`,
  };
}

function buildFindings(runtime: Runtime, programs: readonly Program[]): readonly Finding[] {
  const paths = programs.flatMap(({ path, origin }) => (origin === "other build" ? [path] : []));
  if (paths.length === 0) return [];
  return [
    {
      ...{ id: "plugin-build", level: "note" },
      finding: `${runtime.name} runs ${paths.join(", ")} of another build of this suite than this weft`,
      advice: "Install one build everywhere, or ask the weft that lies beside these plugins",
    },
  ];
}

/** What there is to change, in words. */
function sourceOf({ name, files }: Runtime): string {
  return name === "weft" ? "CNI_PATH" : (files.at(-1) ?? `the configuration of ${name}`);
}
