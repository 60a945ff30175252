/** What lets forwarded packets reach a container, made again where it was flushed. */

import { type Made, mending, type Part, type Sides } from "../../lib/cni/mend.ts";
import * as forwarding from "../../lib/filter/forward.ts";
import { type FirewallConfig, forwardingOf, parseFirewallConfig } from "./config.ts";
import * as schema from "./firewall.schema.json";

function partsOf(call: Made<FirewallConfig>, { host, container }: Sides): readonly Part[] {
  const { attachment, config, prevResult } = call;
  const wanted = () =>
    forwardingOf(host, { attachment, container, prevResult, policy: config.policy });
  return [
    {
      what: "forwarding to the container",
      fault: () => forwarding.findForwardingFault(host, wanted(), config),
      make: () => forwarding.addForwarding(host, wanted(), config),
    },
  ];
}

export const mend = mending<FirewallConfig>(
  { name: "firewall", schema, parseConfig: parseFirewallConfig },
  partsOf,
);
