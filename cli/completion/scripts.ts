/** The scripts that make shells complete words of weft, by the shell. */

import { pages } from "../pages/all.ts";
import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import { tableOf } from "./table.ts";
import { zshScript } from "./zsh.ts";

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

export type Shell = keyof typeof scripts;

export function isShell(name: string): name is Shell {
  return Object.hasOwn(scripts, name);
}

/** The script of a shell for all commands. */
export function scriptFor(shell: Shell): string {
  return scripts[shell](tableOf(pages));
}
