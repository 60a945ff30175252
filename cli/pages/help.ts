import type { Page } from "./page.ts";

export const help: Page = {
  name: "help",
  synopsis: ["weft help [COMMAND] [--all]", "weft COMMAND --help"],
  summary: "tells what commands there are, or how one is used",
  text: [
    "What is told fits a screen of 80 columns and 24 lines; where that leaves something out, it says so.",
    "A terminal gets bold letters, unless NO_COLOR is set or TERM is dumb.",
  ],
  options: [{ flags: "--all", what: "the whole page, as the manual has it" }],
  examples: [{ command: "weft help gc", what: "the same as weft gc --help" }],
};
