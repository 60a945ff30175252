/** What is said of `weft topology`. */

import type { Page } from "./page.ts";

export const topology: Page = {
  name: "topology",
  synopsis: ["weft topology [--all]", "weft topology --svg [--all]", "weft topology --json"],
  summary: "draws what hangs on what on this host",
  text: [
    "Shows uplinks, bridges, overlays and VRFs with the interfaces of containers on them, macvlan, ipvlan and VLAN interfaces by the link they are above, pairs without a bridge, devices that are in a container, the peers of overlays, who is masqueraded, and which ports lead to containers.",
    "It looks in the network namespace it runs in, and into those of containers. Nothing is changed. What only root may see is told on stderr, and the rest is shown.",
    "A line has 100 columns at most, and of more than ten things of a kind side by side the others are counted.",
  ],
  options: [
    { flags: "--all", what: "shows all, in lines of any length, with whole identifiers" },
    { flags: "--svg", what: "prints a picture as one SVG file" },
    { flags: "--json", what: "prints the graph: devices, attachments, peers, edges" },
  ],
  examples: [
    { command: "weft topology", what: "the picture for a terminal" },
    { command: "weft topology --svg >host.svg", what: "the picture for a browser" },
  ],
};
