import { conf, json, places, timeout } from "./list-options.ts";
import type { Page } from "./page.ts";

export const status: Page = {
  name: "status",
  synopsis: ["weft status NETWORK [OPTION...]", "weft status --conf FILE [OPTION...]"],
  summary: "asks the plugins whether they could attach",
  text: [
    "Runs STATUS of each plugin until one is not ready, and says nothing if all are. Lists can be " +
      "asked from version 1.1.0; all others are fine.",
  ],
  options: [conf, timeout, json],
  variables: places,
  examples: [{ command: "weft status pods", what: "asks the plugins of the network pods" }],
};
