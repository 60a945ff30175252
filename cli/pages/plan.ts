/** `weft plan`. */

import type { Page } from "./page.ts";

export const plan: Page = {
  name: "plan",
  synopsis: [
    "weft plan add NETWORK [NETNS] [OPTION...]",
    "weft plan del NETWORK [NETNS] [OPTION...]",
    "weft plan add|del --conf FILE [NETNS] [OPTION...]",
  ],
  summary: "tells what add or del would change, and changes nothing",
  text: [
    "Runs the plugins of a network, or the one plugin in FILE, in a copy of this host, and tells in order every link, address, route, rule, neighbour, queueing discipline, element of nf_tables, sysctl and file that they make, change or remove. The copy ends with the command.",
    "Options and variables are those of weft add and weft del. Without NETNS it is an empty namespace that the container has.",
    "If a plugin fails, what was made and taken back is told, then its error; the status is 1, as that of weft add would be.",
  ],
  options: [
    { flags: "--conf FILE", what: "the network in FILE: a list, or one plugin", values: "file" },
    { flags: "--ifname NAME, -i NAME", what: "the interface" },
    { flags: "--container-id ID", what: "the container" },
    { flags: "--capability NAME=VALUE", what: "one value of CAP_ARGS" },
    { flags: "--timeout SECONDS", what: "how long each plugin may take" },
    { flags: "--json", what: "prints a list of steps" },
  ],
  examples: [
    { command: "weft plan add pods", what: "what a container that joins pods would get" },
    {
      command: "weft plan del pods /run/netns/box",
      what: "what would go with an attachment that is there",
    },
  ],
};
