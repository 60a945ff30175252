/**
 * The programs that tests may run: those that tools/setup.sh lists, and no others. A test that ran
 * another one would pass only where somebody has installed that by hand.
 *
 * PATH is a folder of links to the listed programs, and one in which every other program of this
 * machine is a script that refuses, and notes it where the bed looks.
 */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { bedDirectory, pathInBed } from "./paths.ts";

const setUp = resolve(import.meta.dirname, "../../tools/setup.sh");

/** The programs a test may run, by the names in tools/setup.sh; `WEFT_SETUP` is its word for which tests. */
export function listedPrograms(): readonly string[] {
  const { stdout } = spawnSync(setUp, ["list", process.env.WEFT_SETUP ?? "test"], {
    encoding: "utf8",
  });
  const names = stdout.split("\n").map((line) => line.split(" ")[0] ?? "");
  return names.filter((name) => name !== "" && !name.startsWith("/"));
}

/** What is wrong if a test runs a program that is not listed. */
export function notListed(name: string): string {
  return `"${name}" is run by a test, but tools/setup.sh does not list it`;
}

/** Where a bed notes whom it has refused. */
const refusedFile = `${bedDirectory}/refused`;

const refuse = `#!/bin/sh
name=\${0##*/}
echo '${notListed("'$name'")}' >&2
{ echo "$name" >>${refusedFile}; } 2>/dev/null
exit 127
`;

/** Makes the folders `listed` and `others` in a new folder. */
export function makeProgramFolders(): string {
  const folder = mkdtempSync(join(tmpdir(), "weft-programs-"));
  const listed = new Set(listedPrograms());
  const places = new Map<string, string>();
  for (const directory of searchPath()) {
    for (const name of namesIn(directory)) {
      if (!places.has(name)) places.set(name, `${directory}/${name}`);
    }
  }
  for (const name of ["listed", "others"]) mkdirSync(`${folder}/${name}`);
  writeFileSync(`${folder}/refuse`, refuse, { mode: 0o755 });
  for (const [name, file] of places) {
    if (listed.has(name)) symlinkSync(file, `${folder}/listed/${name}`);
    else symlinkSync("../refuse", `${folder}/others/${name}`);
  }
  // The tests' own: what they call by this name is what runs them.
  rmSync(`${folder}/others/node`, { force: true });
  symlinkSync(process.execPath, `${folder}/listed/node`);
  return folder;
}

/**
 * The system's folders first, into which tools/setup.sh installs: what stands before them in somebody's
 * PATH can be a script that finds out at each start which program is meant, as pyenv's python3 does.
 */
function searchPath(): readonly string[] {
  const usual = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".split(":");
  const own = (process.env.PATH ?? "").split(":");
  return [...usual, ...own].filter((directory) => directory.startsWith("/"));
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/**
 * The words that run a script in a bed. A bash runs its user's .bashrc if its input is a socket, as
 * that of a child of Node.js is, and SHLVL is not set, as if somebody had logged in.
 */
export function shell(script: string, interpreter: "sh" | "bash" = "sh"): readonly string[] {
  const options = interpreter === "bash" ? ["--norc"] : [];
  const before = `PATH=${pathInBed}; export SHLVL=2`;
  return [`/bin/${interpreter}`, ...options, "-c", `${before}\n${script}`];
}

/** Throws if a program was refused in a private host, or was run there and does not exist. */
export function expectNoneRefused(root: string): void {
  const file = `${root}${refusedFile}`;
  if (!existsSync(file)) return;
  const names = new Set(readFileSync(file, "utf8").split("\n").filter(Boolean));
  throw new Error([...names].map(notListed).join("; "));
}

/** Throws if a shell has said that it did not find a program that is not listed. */
export function expectNoneMissing(stderr: string): void {
  const [, name = ""] = /: ([^\s:/]+): (?:command )?not found$/m.exec(stderr) ?? [];
  if (name !== "" && !listedPrograms().includes(name)) throw new Error(notListed(name));
}
