/** `weft add|del|check|gc|status`: what they print, and how they end. */

import * as host from "host";
import { CniError, oneLine } from "../lib/cni/error.ts";
import { add } from "./add.ts";
import { check } from "./check.ts";
import { del } from "./del.ts";
import { gc } from "./gc.ts";
import { readWanted, type Wanted } from "./list-options.ts";
import { status } from "./status.ts";

/** What a command says if it succeeds: for programs, and lines for people where these differ. */
interface Output {
  readonly json: unknown;
  readonly lines?: readonly string[];
}

const commands: { readonly [name: string]: (wanted: Wanted) => Output | undefined } = {
  add: (wanted) => ({ json: add(wanted) }),
  check: (wanted) => void check(wanted),
  del: (wanted) => void del(wanted),
  gc,
  status: (wanted) => void status(wanted),
};

/** How a command was called: as cnitool's, GC is really wanted, and nobody wants words of it. */
export interface Called {
  readonly words: readonly string[];
  readonly isTool: boolean;
}

/** Runs a command: true if it succeeded, false if not, undefined if it was called wrongly. */
export function listCommand(name: string, { words, isTool }: Called): boolean | undefined {
  try {
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    const wanted = command && readWanted(name, isTool ? ["--", ...words] : words);
    if (!command || !wanted) return undefined;
    const output = command(isTool ? { ...wanted, isYes: true } : wanted);
    if (output) say(output, { isTool, isJson: wanted.isJson });
    return true;
  } catch (cause) {
    tell(CniError.from(cause), !isTool && words.includes("--json"));
    return false;
  }
}

function say({ json, lines }: Output, how: { readonly isTool: boolean; readonly isJson: boolean }) {
  if (!lines || how.isJson) print(1, JSON.stringify(json, null, 4));
  else if (!how.isTool) for (const line of lines) print(1, oneLine(line));
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
