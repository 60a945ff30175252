import type { Page } from "./page.ts";

export const show: Page = {
  name: "show",
  synopsis: [
    "weft show NETWORK/CONTAINERID[/IFNAME] [--json] [--data-dir DIR]",
    "weft show CONTAINERID [--json] [--data-dir DIR]",
  ],
  summary: "shows everything that is one container's",
  text: [
    "The interface inside with its addresses and routes, the links on the host with qdiscs, " +
      "neighbours and fdb entries, elements and rules of the packet filter, leases and records, and " +
      "what the runtime keeps. Where that differs from what the kernel has is told last.",
    "CONTAINERID may be the beginning of an ID, if no other container's begins so.",
  ],
  options: [
    { flags: "--json", what: "print a list of the container's attachments" },
    {
      flags: "--data-dir DIR",
      what:
        "where ipam.dataDir of a configuration keeps leases, besides /var/lib/cni/networks; may be " +
        "repeated",
      values: "directory",
    },
  ],
  examples: [
    { command: "weft show 6f2c11", what: "all attachments of a container" },
    { command: "weft show pods/6f2c11d20a7e/eth0", what: "one of them" },
  ],
};
