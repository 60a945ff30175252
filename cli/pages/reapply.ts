/** What is said of `weft reapply`. */

import type { Page } from "./page.ts";

export const reapply: Page = {
  name: "reapply",
  synopsis: ["weft reapply [NETWORK] [--dry-run] [--json]"],
  summary: "makes again what somebody has flushed",
  text: [
    "After nft flush ruleset, iptables -F, a restart of firewalld, a reset of sysctls or a flush of routes or addresses, every attachment that is kept in /var/lib/cni/results gets back what it had on the host: masquerade, host ports, forwarding, firewall, MAC spoof check, rates, the bridge with its gateways and routes, and the entries of vxlan-overlay. The containers' links stay as they are, so no connection is lost by it.",
    "What is as it was attached is not touched. Attachments whose container is gone are named, not brought back. Those of other plugins are left alone. It takes root.",
    "The status is 1 if something could not be made again; the others are mended all the same.",
  ],
  options: [
    {
      flags: "--dry-run",
      what: "tells what is missing and would be made again, and changes nothing",
    },
    { flags: "--json", what: "prints what became of each attachment as a list" },
  ],
  examples: [
    { command: "weft reapply", what: "mends all attachments of this host" },
    { command: "weft reapply pods --dry-run", what: "tells what those of one network lack" },
  ],
};
