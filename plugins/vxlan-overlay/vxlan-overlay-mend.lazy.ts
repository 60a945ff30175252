/**
 * What vxlan-overlay has on the host, made again where it was flushed: the devices with their
 * addresses, entries and guards for all peers, what the bridge has, and the masquerade.
 */

import { masqueradePart } from "../../lib/attach/mend.ts";
import { reconfigured } from "../../lib/cni/delegate.ts";
import { type Mend, madeCall, mendOf, type Part } from "../../lib/cni/mend.ts";
import { type Cidr, firstAddress, hostCidr } from "../../lib/ip/cidr.ts";
import { findAddressFault } from "../../lib/net/expect.ts";
import { findLink } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { type OverlayConfig, parseOverlayConfig } from "./config.ts";
import { masqueradeOf } from "./masqueraded.ts";
import { bridgeConfig } from "./to-bridge.ts";
import { findUnderlayFaults, reconcile, requireReadiness } from "./underlay.ts";
import * as schema from "./vxlan-overlay.schema.json";

/** First the way to other hosts, then what is the bridge's, by the bridge's own module. */
export const mend: Mend = (request, host, work) => {
  const plugin = {
    name: "vxlan-overlay",
    schema,
    args: ["MAC", "IP"],
    parseConfig: parseOverlayConfig,
  };
  const call = madeCall(plugin, request);
  const { config, prevResult } = call;
  work(underlayPart(config, host));
  mendOf("bridge")?.(reconfigured(call.request, bridgeConfig(config, 0)), host, work);
  if (config.ipMasq) work(masqueradePart(host, masqueradeOf(call, prevResult)));
};

/** What is left out of the peers, and why, is for STATUS to tell. */
function underlayPart(config: OverlayConfig, host: Netns): Part {
  return {
    what: "way to other hosts",
    fault: () => {
      const reading = requireReadiness(config, host);
      const [fault] = findUnderlayFaults(config, host, reading);
      if (fault !== undefined) return fault;
      return reading.node.vteps
        .map(({ device, subnets }) => vtepFault(host, device, subnets))
        .find((each) => each !== undefined);
    },
    make: () => void reconcile(config, host, {}),
  };
}

function vtepFault(host: Netns, name: string, subnets: readonly Cidr[]): string | undefined {
  const device = findLink(host, name);
  const wanted = subnets.map((subnet) => hostCidr(firstAddress(subnet)));
  return device && findAddressFault(host, device, wanted);
}
