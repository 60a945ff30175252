import type { Page } from "./page.ts";

export const ps: Page = {
  name: "ps",
  synopsis: ["weft ps [NETWORK] [--wide] [--json] [--data-dir DIR]"],
  summary: "lists the attachments of this host",
  text: [
    "One attachment a line: those that runtimes keep a result of, and those of which only links, " +
      "elements of nf_tables or leases tell, whoever made them.",
    "The state is alive or gone, as for gc. Rates are what the qdiscs of its links have, in bits per " +
      "second. Ports and rates that are not found are those that ADD was asked for.",
    "Who is not root sees links and rates only, and is told what else there is.",
  ],
  options: [
    {
      flags: "--wide",
      what: "whole container IDs, the links on the host, and why it counts as alive or gone",
    },
    { flags: "--json", what: "print a list of all that is known" },
    {
      flags: "--data-dir DIR",
      what:
        "where ipam.dataDir of a configuration keeps leases, besides /var/lib/cni/networks; may be " +
        "repeated",
      values: "directory",
    },
  ],
  examples: [
    { command: "weft ps", what: "all attachments of this host" },
    { command: "weft ps pods --wide", what: "those of one network, with all that there is to say" },
  ],
};
