import { ofAttachment, variables } from "./list-options.ts";
import type { Page } from "./page.ts";

export const add: Page = {
  name: "add",
  synopsis: ["weft add NETWORK NETNS [OPTION...]", "weft add --conf FILE NETNS [OPTION...]"],
  summary: "attaches a network namespace by the plugins of NETWORK",
  text: [
    "Runs ADD of each plugin as container runtimes do, prints the result, and keeps it where they do.",
    "At the first error it stops, and takes back what was made by DEL of every plugin. It refuses an " +
      "interface that the container has already, in whichever network.",
    "Without --container-id the container is cnitool- and a hash of the path NETNS, as cnitool has it.",
  ],
  options: ofAttachment,
  variables,
  examples: [
    { command: "weft add pods /run/netns/box", what: "gives the namespace box an eth0" },
    {
      command: "weft add pods /run/netns/box --capability portMappings=8080:80/tcp",
      what: "leads port 8080 of the host to its port 80",
    },
  ],
};
