import type { Page } from "./page.ts";

export const version: Page = {
  name: "version",
  synopsis: ["weft version"],
  summary: "tells the version of the suite",
  text: ["A plugin tells its own, and that of the protocol, if it is run without CNI_COMMAND."],
  options: [],
  examples: [{ command: "weft version", what: "prints weft and a version" }],
};
