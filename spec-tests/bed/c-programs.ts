/** The programs in C that the bed uses, which are compiled once for all tests. */
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { bedDirectory } from "./paths.ts";

const names = ["keeper", "observer", "runner", "no-nf-tables", "set-clock", "prober"] as const;

type Name = (typeof names)[number];

/** Makes them in the folder of programs, without which no bed is made. */
export function compilePrograms(folder: string): void {
  const options = ["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-static"];
  for (const name of names) {
    const source = resolve(import.meta.dirname, `${name}.c`);
    const { status, stderr } = spawnSync("gcc", [...options, source, "-o", `${folder}/${name}`]);
    if (status !== 0) throw new Error(`Cannot compile ${source}: ${stderr}`);
  }
}

/** Where one of them is, in a bed. */
export function inBed(name: Name): string {
  return `${bedDirectory}/programs/${name}`;
}
