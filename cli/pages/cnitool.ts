import { variables } from "./list-options.ts";
import type { Page } from "./page.ts";

/** No command, but weft by another name. */
export const cnitool: Page = {
  name: "cnitool",
  synopsis: ["cnitool add|check|del|gc|status NETWORK NETNS"],
  summary: "runs the plugins of a network, as another program does",
  text: [
    "This is weft by a link of that name (ln -s weft cnitool), as the program cnitool is. It knows no options, ignores further " +
      "words, and fails with status 1 in every case.",
    "gc is silent, and really done.",
  ],
  options: [],
  variables,
  status: "0 if all is well, 1 if not.",
  examples: [
    { command: "CNI_IFNAME=net1 cnitool add pods /run/netns/box", what: "attaches a second time" },
  ],
};
