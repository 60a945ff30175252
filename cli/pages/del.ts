import { ofAttachment, variables } from "./list-options.ts";
import type { Page } from "./page.ts";

export const del: Page = {
  name: "del",
  synopsis: [
    "weft del NETWORK NETNS [OPTION...]",
    "weft del NETWORK --container-id ID [NETNS] [OPTION...]",
  ],
  summary: "detaches a network namespace, whatever fails",
  text: [
    "Runs DEL of the whole list, the last plugin first, whatever fails, and reports every error. The " +
      "result is forgotten when all have succeeded.",
    "The list and what is not given are as add had them. What is not known is deleted all the same.",
  ],
  options: ofAttachment,
  variables,
  examples: [
    { command: "weft del pods /run/netns/box", what: "detaches the namespace box" },
    {
      command: "weft del pods --container-id 6f2c11",
      what: "detaches a container whose namespace may be gone",
    },
  ],
};
