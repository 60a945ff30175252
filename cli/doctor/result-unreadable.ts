/** Results of attachments that are kept and of no use: damaged, or of a version that is not known. */

import { grouped } from "../../lib/net/grouped.ts";
import { listStrange, type Strange } from "../cache.ts";
import type { Check, Finding } from "./finding.ts";
import { counted, few } from "./words.ts";

export const resultUnreadable: Check = () =>
  [...grouped(listStrange(), ({ state }) => state).values()].flatMap(([first, ...more]) =>
    first ? [findingOf(first, [first, ...more])] : [],
  );

/** All of them have the same fault. */
function findingOf({ fault, state }: Strange, all: readonly Strange[]): Finding {
  const named = few(all.map(({ path }) => path));
  const finding = `${counted(all.length, "kept result")} cannot be used, since ${state}: ${named}`;
  return fault === "damaged"
    ? {
        id: "result-unreadable",
        level: "warning",
        finding,
        advice: "Detach its container with the runtime that attached it, and delete the file then",
      }
    : {
        id: "result-version",
        level: "warning",
        finding,
        advice: "Use the runtime that wrote it, or a weft that knows its version",
      };
}
