import type { Page } from "./page.ts";

export const completion: Page = {
  name: "completion",
  synopsis: ["weft completion bash|zsh|fish", "weft completion --words networks|netns|containers"],
  summary: "prints what makes a shell complete words of weft",
  text: [
    "make install puts these scripts where the shells look for them. Elsewhere, a line in a file such " +
      "as ~/.bashrc does it.",
    "The scripts ask for names by --words. A shell quotes what it gets, and runs none of it.",
  ],
  options: [
    {
      flags: "--words KIND",
      what:
        "names of this host, one a line: networks in NETCONFPATH, namespaces in /run/netns, or " +
        "containers that are attached; what has line ends or the like in it is left out",
      values: ["networks", "netns", "containers"],
    },
  ],
  variables: [{ name: "NETCONFPATH", what: "where networks are, without it /etc/cni/net.d" }],
  examples: [
    { command: "source <(weft completion bash)", what: "for this bash" },
    { command: "weft completion fish | source", what: "for this fish" },
    { command: "source <(weft completion zsh)", what: "for this zsh, behind compinit" },
  ],
};
