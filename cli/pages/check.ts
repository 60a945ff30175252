import { ofAttachment, variables } from "./list-options.ts";
import type { Page } from "./page.ts";

export const check: Page = {
  name: "check",
  synopsis: [
    "weft check NETWORK NETNS [OPTION...]",
    "weft check NETWORK --container-id ID [NETNS] [OPTION...]",
  ],
  summary: "asks whether a namespace is as it was attached",
  text: [
    "Runs CHECK of each plugin with the result that add kept, and says nothing if all is as it was. " +
      "It asks about nothing that is not attached.",
    "Lists can be checked from version 0.4.0; one that says disableCheck is fine.",
  ],
  options: ofAttachment,
  variables,
  examples: [{ command: "weft check pods /run/netns/box", what: "checks the namespace box" }],
};
