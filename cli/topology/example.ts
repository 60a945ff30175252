/** Facts of made-up hosts, for tests of what is drawn of them. */

import type { SeenInside, SeenLink } from "../../lib/inventory/seen-links.ts";
import type { Facts, SeenAttachment } from "./facts.ts";

/** A link that is up, with an index that tells it from the others of a test. */
export function link(index: number, name: string, more: Partial<SeenLink> = {}): SeenLink {
  const none = { kind: "", mtu: 1500, isUp: true, alias: "", master: 0, peer: 0, isPeerHere: true };
  return {
    ...none,
    ...{ index, name, mac: "", vlanId: undefined, vrfTable: undefined, addresses: [] },
    ...more,
  };
}

/** A link of a container, which is joined to the host's if it is to any of another namespace. */
export function within(index: number, name: string, more: Partial<SeenInside> = {}): SeenInside {
  return { ...link(index, name), isLinkedHome: more.isPeerHere === false, vrf: "", ...more };
}

/** An attachment of which nothing is known but its names. */
export function attachment(
  containerID: string,
  more: Partial<SeenAttachment> = {},
): SeenAttachment {
  const known = { netns: "", isThere: undefined, inside: undefined, addresses: [], hostLinks: [] };
  return { network: "pods", containerID, ifName: "eth0", ...known, ...more };
}

/** A host with nothing but what is given. */
export function factsOf(more: Partial<Facts>): Facts {
  const none = { links: [], defaults: [], overlays: [], attachments: [], unseen: [] };
  return { hostname: "node1", ...none, masquerades: [], ports: [], ...more };
}

/** A host with as many containers on a bridge. */
export function bridged(count: number): Facts {
  const numbers = Array.from({ length: count }, (_, i) => i + 1);
  const id = (n: number) => `c${String(n).padStart(3, "0")}`;
  return factsOf({
    links: [
      link(2, "eth0", { addresses: ["192.0.2.1/24"] }),
      link(3, "cni0", { kind: "bridge", addresses: ["10.1.0.1/16"] }),
      ...numbers.map((n) => {
        const alias = `weft pods ${id(n)} eth0`;
        return link(100 + n, `veth${n}`, { kind: "veth", alias, master: 3, isPeerHere: false });
      }),
    ],
    defaults: [{ outputs: [2], gateways: ["192.0.2.254"] }],
    attachments: numbers.map((n) => attachment(id(n), { addresses: [addressOf(n)] })),
    masquerades: numbers.map((n) => ({
      ...{ address: addressOf(n), subnet: "10.1.0.0/16", by: "masquerade4 of nf_tables" },
      owner: { network: "pods", containerID: id(n), ifName: "eth0" },
    })),
    ports: numbers.map((n) => ({
      ...{ protocol: "tcp", address: undefined, port: 8000 + n, to: `${addressOf(n)}:80` },
      by: "hostports4-any of nf_tables",
      owner: { network: "pods", containerID: id(n), ifName: "eth0" },
    })),
  });
}

function addressOf(n: number): string {
  return `10.1.0.${n + 1}`;
}
