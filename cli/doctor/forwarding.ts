/** Whether this host forwards packets of the containers that are on it. */

import { type Family, family, isLinkLocal } from "../../lib/ip/address.ts";
import type { Link } from "../../lib/net/link.ts";
import { namesOwner } from "../../lib/net/owner.ts";
import { setting } from "./command.ts";
import type { Check, Examined } from "./finding.ts";
import { bridgesOf } from "./networks.ts";

const switches: { readonly [F in Family]: string } = {
  4: "net/ipv4/ip_forward",
  6: "net/ipv6/conf/all/forwarding",
};

/** ADD turns it on: it is a fault where there are attachments, and somebody has turned it off since. */
export const forwarding: Check = (examined) =>
  ([4, 6] as const).flatMap((of) => {
    const [link] = routedLinks(examined).filter((each) => hasAddress(examined, each, of));
    if (!link || examined.sysctl(switches[of]) !== "0") return [];
    return [
      {
        ...{ id: "ip-forward", level: "error" as const },
        finding: `This host forwards no IPv${of} packets, and containers on "${link.name}" reach nobody beyond it`,
        advice: `Run: ${setting(switches[of], "1")}, and take what turns it off out of /etc/sysctl.d`,
      },
    ];
  });

/** Bridges of networks that are routed, and host ends of containers that have none. */
function routedLinks(examined: Examined): readonly Link[] {
  const bridges = bridgesOf(examined).filter(({ networks }) =>
    networks.some((each) => each.isRouted),
  );
  const ends = examined.links.filter(
    ({ alias, kind, master }) => namesOwner(alias) && kind === "veth" && master === 0,
  );
  return [...bridges.map(({ link }) => link), ...ends];
}

function hasAddress({ addresses }: Examined, { index }: Link, of: Family): boolean {
  return addresses.some(
    ({ link, cidr: { address } }) =>
      link === index && family(address) === of && !isLinkLocal(address),
  );
}
