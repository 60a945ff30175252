/** What commands that show things print, and how they end. */

import * as host from "host";
import { CniError, oneLine } from "../../lib/cni/error.ts";

/** Exit statuses. */
const FINE = 0;
const FAULTY = 1;

/** What is to be said: for programs or for people, and what could not be looked at. */
export interface Said {
  readonly json: unknown;
  readonly lines: () => readonly string[];
  readonly faults: readonly string[];
}

/** Prints what `body` finds: 0 if that is all there is, 1 if something could not be looked at. */
export function saying(isJson: boolean, body: () => Said): number {
  try {
    const { json, lines, faults } = body();
    const text = isJson ? [JSON.stringify(json, null, 2)] : lines();
    print(1, text);
    print(
      2,
      faults.map((fault) => oneLine(`weft: ${fault}`)),
    );
    return faults.length > 0 ? FAULTY : FINE;
  } catch (cause) {
    print(2, [oneLine(`weft: ${CniError.from(cause).message}`)]);
    return FAULTY;
  }
}

function print(fd: number, lines: readonly string[]): void {
  if (lines.length === 0) return;
  let rest = host.encode(`${lines.join("\n")}\n`);
  while (rest.length > 0) {
    const written = host.write(fd, rest);
    if (written <= 0) return;
    rest = rest.subarray(written);
  }
}
