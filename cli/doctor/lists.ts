/** The files of networks: those that are faulty, that nobody takes, and that are missing. */

import { readAllLists } from "../list-file.ts";
import { validateFile } from "../validate.ts";
import { command } from "./command.ts";
import type { Check, Examined, Finding } from "./finding.ts";
import { filesOf, quoted } from "./loaded.ts";
import type { Runtime } from "./runtime.ts";

/** Everything that `weft validate` would say, and which files count. */
export const lists: Check = (examined) => [
  ...directoriesOf(examined).flatMap((directory) =>
    readAllLists(directory).flatMap(({ path }) => invalid(path)),
  ),
  ...directoriesOf(examined).flatMap(doubled),
  ...examined.runtimes.found.flatMap(unusedBy),
  ...examined.runtimes.found.flatMap(without),
];

function directoriesOf({ netconfPath, runtimes }: Examined): readonly string[] {
  return [...new Set([netconfPath, ...runtimes.found.map(({ networkDir }) => networkDir)])];
}

function invalid(path: string): readonly Finding[] {
  const found = validateFile(path).findings.filter(({ state }) => !FOREIGN.test(state));
  return found.map(({ level, path: where, state }) => ({
    ...{ id: "list-invalid", level },
    finding: `${path}: ${where === "" ? "" : `${where}: `}${state}`,
    advice: `Correct the file, and ask: ${command("weft", "validate", path)}`,
  }));
}

/** A plugin of others is no fault where its file is: whether it is, `plugin-missing` tells. */
const FOREIGN = /^".*" is no plugin of this suite/;

/** Who looks for a network by its name takes the first file that has it. */
function doubled(directory: string): readonly Finding[] {
  const named = readAllLists(directory).flatMap(({ path, list }) => (list ? [{ path, list }] : []));
  return named.flatMap(({ path, list }, i): readonly Finding[] => {
    const first = named.slice(0, i).find((each) => each.list.name === list.name);
    if (!first) return [];
    return [
      {
        ...{ id: "list-doubled", level: "warning" },
        finding: `${path} has the network "${list.name}", which ${first.path} has already`,
        advice: "Remove one of the files, or give its network another name",
      },
    ];
  });
}

/** Runtimes for Kubernetes take the first file by its name, and are silent about the others. */
function unusedBy(runtime: Runtime): readonly Finding[] {
  if (runtime.takesAll) return [];
  const [taken] = filesOf(runtime);
  const unused = readAllLists(runtime.networkDir).filter(({ path }) => path !== taken?.path);
  if (!taken || unused.length === 0) return [];
  const rest = unused.map(({ path }) => path.slice(path.lastIndexOf("/") + 1));
  return [
    {
      ...{ id: "list-unused", level: "note" },
      finding: `${runtime.name} attaches pods by ${taken.path} only, and not by ${quoted(rest)}`,
      advice: "Rename the file that is meant so that its name comes first, or remove the others",
    },
  ];
}

function without(runtime: Runtime): readonly Finding[] {
  if (runtime.name === "weft" || runtime.name === "podman" || filesOf(runtime).length > 0)
    return [];
  const named = runtime.network === undefined ? "a network" : `the network "${runtime.network}"`;
  return [
    {
      ...{ id: "list-missing", level: "error" },
      finding: `${runtime.networkDir} has no file with ${named}, and ${runtime.name} attaches no pod without one`,
      advice: "Write one, and ask: weft validate FILE",
    },
  ];
}
