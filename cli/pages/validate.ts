import type { Page } from "./page.ts";

export const validate: Page = {
  name: "validate",
  synopsis: ["weft validate [FILE...]"],
  summary: "finds what is wrong with network configurations",
  text: [
    "Reads files (.conflist, .conf, .json) as runtimes load them, and checks each plugin's part with " +
      "the code that the plugin uses. Without FILE, or as -, it reads standard input.",
    "Each finding is a line with its place in the file. An error keeps the configuration from " +
      "working; a warning is what would be ignored, or is probably meant otherwise.",
  ],
  options: [],
  status: "0 if there is no error, 1 if a file has one or cannot be read, 2 for wrong usage.",
  examples: [
    { command: "weft validate /etc/cni/net.d/*.conflist", what: "checks all lists of this host" },
  ],
};
