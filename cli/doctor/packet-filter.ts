/** What the packet filter does to containers: who drops, who is looked past, what lies open. */

import {
  type Dropper,
  droppersOn,
  loopbackFault,
  usesBothIptables,
} from "../../lib/inventory/packet-filter.ts";
import { setting } from "./command.ts";
import type { Check, Finding } from "./finding.ts";
import { quoted } from "./loaded.ts";
import { familiesOf, type Network, networksOf } from "./networks.ts";

/** Chains that drop what a network's containers send, since nothing of the network accepts it. */
export const forwardPolicy: Check = (examined) => {
  const routed = networksOf(examined).filter(({ isRouted }) => isRouted);
  if (routed.length === 0) return [];
  return droppersOn(examined.host).flatMap((dropper): readonly Finding[] => {
    const isSeen = (network: Network) => familiesOf(network).some((of) => dropper.of.includes(of));
    const lost = routed.filter((each) => isSeen(each) && !(dropper.isKnown && each.isAccepted));
    const names = lost.map(({ name }) => name);
    return names.length > 0 ? [dropFinding(dropper, names)] : [];
  });
};

function dropFinding({ what, isEmpty, isKnown }: Dropper, names: readonly string[]): Finding {
  const dropped = isEmpty
    ? "drops all forwarded packets"
    : "drops forwarded packets that no rule accepts";
  const plugin =
    'Add { "type": "firewall" } to the list, which accepts what its containers send and get';
  return {
    ...{ id: "forward-policy", level: isEmpty ? "error" : "warning" },
    finding: `${startOf(what)} ${dropped}, and plugins of ${quoted(names)} add none there`,
    advice: isKnown ? plugin : "Accept the packets of these networks in that chain",
  };
}

function startOf(words: string): string {
  return words.startsWith("chain") ? `C${words.slice(1)}` : words;
}

/** Rules of the one kind of iptables are not seen by who uses the other, and both count. */
export const bothIptables: Check = ({ host }) =>
  usesBothIptables(host)
    ? [
        {
          ...{ id: "iptables-legacy", level: "warning" },
          finding:
            "There are tables of the older iptables beside those of iptables by nf_tables: each hides its rules, and both decide",
          advice:
            "See who uses the older ones with iptables-legacy-save, and let all use one: update-alternatives --config iptables",
        },
      ]
    : [];

/** Links by which containers reach what listens on 127.0.0.1 alone. */
export const loopbackOpen: Check = ({ host, links }) =>
  links.flatMap((link): readonly Finding[] => {
    const fault = link.name === "lo" ? undefined : loopbackFault(host, link);
    if (fault === undefined) return [];
    const close = setting(`net/ipv4/conf/${link.name}/route_localnet`, "0");
    return [
      {
        ...{ id: "loopback-open", level: "warning" },
        finding: `C${fault.slice(1)}`,
        advice: `Run: ${close}; the next attachment with host ports brings the guard back`,
      },
    ];
  });
