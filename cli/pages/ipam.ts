import type { Option, Page } from "./page.ts";

const dataDir: Option = {
  flags: "--data-dir DIR",
  what:
    "where ipam.dataDir of a configuration keeps leases, besides /var/lib/cni/networks; may be " +
    "repeated",
  values: "directory",
};

export const ipamLs: Page = {
  name: "ipam ls",
  synopsis: ["weft ipam ls [--json] [--data-dir DIR]"],
  summary: "lists the pools of addresses",
  text: [
    "One range set of host-local a line: how many addresses it has, how many are used and free, how " +
      "many of the used ones nobody alive has, and which was given out last. Ranges are those of the " +
      "network's file in NETCONFPATH, or else of the lists that attachments were made with.",
    "Networks with leases of dhcp follow: what their servers may give is not known here.",
  ],
  options: [{ flags: "--json", what: "print a list of all that is known" }, dataDir],
  examples: [{ command: "weft ipam ls", what: "the pools of this host" }],
};

export const ipamShow: Page = {
  name: "ipam show",
  synopsis: ["weft ipam show NETWORK [--json] [--data-dir DIR]"],
  summary: "lists the addresses of a network with their holders",
  text: [
    "One address a line: which container has it, since when, and whether that lives, with what tells " +
      "so. Records that are damaged are stale as well.",
  ],
  options: [{ flags: "--json", what: "print a list of all that is known" }, dataDir],
  examples: [{ command: "weft ipam show pods", what: "the addresses that pods has given" }],
};

export const ipamFree: Page = {
  name: "ipam free",
  synopsis: ["weft ipam free NETWORK ADDRESS... [--json] [--data-dir DIR]"],
  summary: "gives addresses back that nobody alive has",
  text: [
    "All of the addresses are freed, or none, with the lock that host-local takes. One that somebody " +
      "alive has is refused with the reason, as is one of which nobody can tell. There is no option " +
      "that overrides this.",
    "A lease of dhcp is its server's, and no file to remove: del or gc ends it.",
  ],
  options: [
    { flags: "--json", what: "print a list of what was freed" },
    { ...dataDir, what: "where the addresses are kept, if not in the usual place" },
  ],
  examples: [
    {
      command: "weft ipam free pods 10.244.1.9 10.244.1.12",
      what: "gives back two addresses whose containers are gone",
    },
  ],
};
