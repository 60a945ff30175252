import type { Page } from "./page.ts";

export const inventory: Page = {
  name: "inventory",
  synopsis: ["weft inventory NETWORK [CONTAINERID [IFNAME]] [--json] [--data-dir DIR]"],
  summary: "lists what a network's attachments have on this host",
  text: [
    "One thing a line: links, addresses and qdiscs of the host's ends, elements and rules of the " +
      "packet filter, leases, and records of plugins. It looks in the network namespace that it runs in.",
    "Not listed is what bears no mark, such as the bridge that networks share, and all that is " +
      "inside of containers.",
  ],
  options: [
    { flags: "--json", what: "print a list of { kind, what, mark, containerID, ifName }" },
    {
      flags: "--data-dir DIR",
      what:
        "where ipam.dataDir of a configuration keeps leases, besides /var/lib/cni/networks; may be " +
        "repeated",
    },
  ],
  examples: [
    { command: "weft inventory pods", what: "what all attachments of pods have" },
    { command: "weft inventory pods 6f2c11 eth0", what: "what one of them has" },
  ],
};
