import type { Page } from "./page.ts";

export const doctor: Page = {
  name: "doctor",
  synopsis: ["weft doctor [--json] [--probe]"],
  summary: "tells what keeps containers from working, or may",
  text: [
    "Looks at the networks and plugins that containerd, CRI-O, podman and kubelet would take, by " +
      "their configurations; at features and settings of the kernel that the networks need; at the " +
      "packet filter, subnets, routes and sizes of packets; and at what attachments have left.",
    "One finding a line, the worst first: its level, its name, what is the case, and what to do. An " +
      "error keeps containers from working, a warning may, a note is worth to be known.",
    "Nothing is changed, and no plugin is run. Who is not root is told for which parts it needs root.",
    "The status is 1 if there is an error, and 0 with warnings and notes alone.",
  ],
  options: [
    { flags: "--json", what: "print a list of { id, level, finding, advice }" },
    { flags: "--probe", what: "send ICMP echoes to the other ends of overlays, small and large" },
  ],
  examples: [
    { command: "weft doctor", what: "what is wrong with this host" },
    {
      command: "NETCONFPATH=/etc/kubernetes/cni/net.d weft doctor",
      what: "the same where networks lie elsewhere",
    },
  ],
};
