import type { Page } from "./page.ts";

export const log: Page = {
  name: "log",
  synopsis: [
    "weft log [NETWORK] [--container ID] [--errors] [--slow] [--follow] [--json] [--file FILE]",
  ],
  summary: "shows the log of calls of plugins",
  text: [
    "One call a line, the oldest first: when it began (UTC), what it was for, how many milliseconds it " +
      "took, and what it gave or why it failed.",
    "The log is the file that WEFT_LOG names, or else log in /etc/cni/weft.json, with what was moved " +
      "to FILE.1 when it was full. There is none unless one of them asks for it, and none with " +
      "WEFT_LOG=off.",
  ],
  options: [
    { flags: "--container ID", what: "only calls for containers whose ID begins so" },
    { flags: "--errors", what: "only calls that failed" },
    { flags: "--slow", what: "the twenty slowest calls, with the time of each of their steps" },
    { flags: "--follow, -f", what: "go on with calls that are made from now on" },
    { flags: "--json", what: "the lines of the log as they are" },
    { flags: "--file FILE", what: "this log", values: "file" },
  ],
  examples: [
    { command: "weft log pods --errors", what: "what failed in one network" },
    { command: "weft log --slow", what: "where the time went" },
  ],
};
