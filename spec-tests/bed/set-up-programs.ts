/** Before all tests and after them: only what tools/setup.sh lists can be run (programs.ts), and what is in C is compiled. */
import { rmSync } from "node:fs";
import { compilePrograms } from "./c-programs.ts";
import { makeProgramFolders } from "./programs.ts";

const path = process.env.PATH;

/** Makes the folders of programs, which the processes of the tests inherit as their PATH. */
export function setup(): void {
  const folder = makeProgramFolders();
  compilePrograms(folder);
  process.env.WEFT_PROGRAMS = folder;
  process.env.PATH = `${folder}/listed:${folder}/others`;
}

/** Removes them. */
export function teardown(): void {
  rmSync(process.env.WEFT_PROGRAMS ?? "", { recursive: true });
  process.env.PATH = path;
}
