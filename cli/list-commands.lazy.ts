/** `weft add|del|check|status`: what they print, and how they end. */

import * as host from "host";
import { CniError, oneLine } from "../lib/cni/error.ts";
import { add } from "./add.ts";
import { check } from "./check.ts";
import { del } from "./del.ts";
import { readWanted, type Wanted } from "./list-options.ts";
import { status } from "./status.ts";

/** The commands; what they return is printed as JSON. */
const commands: { readonly [name: string]: (wanted: Wanted) => unknown } = {
  add,
  check,
  del,
  status,
};

/** Runs a command: true if it succeeded, false if not, undefined if it was called wrongly. */
export function listCommand(name: string, words: readonly string[]): boolean | undefined {
  try {
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    const wanted = command && readWanted(name, words);
    if (!command || !wanted) return undefined;
    const output = command(wanted);
    if (output !== undefined) print(1, JSON.stringify(output, null, 4));
    return true;
  } catch (cause) {
    tell(CniError.from(cause), words.includes("--json"));
    return false;
  }
}

/** An error for people on stderr, or for programs as plugins print theirs. */
function tell({ code, message, details }: CniError, isJson: boolean): void {
  if (isJson) {
    const more = details === "" ? {} : { details };
    print(1, JSON.stringify({ code, msg: message, ...more }, null, 4));
    return;
  }
  const more = details === "" ? "" : `; ${details}`;
  print(2, oneLine(`weft: ${message} (code ${code})${more}`));
}

function print(fd: number, text: string): void {
  host.write(fd, host.encode(`${text}\n`));
}
