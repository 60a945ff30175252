/**
 * Connections that are there already: what a policy forbids of them is cut, since packets of a known
 * connection pass. They may be those of a container that had the address before.
 */

import type { ReadOf } from "../bytes/layout.ts";
import { equalAddresses, type IpAddress } from "../ip/address.ts";
import { listLocalAddresses } from "../net/address.ts";
import { deleteFlows } from "../net/conntrack.ts";
import type { Netns } from "../net/netns.ts";
import { type Flow, flowMessage, listFlowsFrom, listFlowsTo } from "../netlink/conntrack.ts";
import { type Direction, lets } from "./policy-rules.ts";
import type { Enforced } from "./policy-wanted.ts";

/** Deletes the tracked connections of an attachment that its policy forbids. */
export function cutForbidden(host: Netns, { addresses, policy }: Enforced): void {
  const { ingress, egress } = policy;
  if (!ingress && !egress) return;
  const own = [...addresses, ...listLocalAddresses(host)];
  const forbidden = addresses.flatMap((address) => [
    ...(egress ? flowsFrom(host, address).filter(isForbidden(egress, own, "to")) : []),
    ...(ingress ? flowsTo(host, address).filter(isForbidden(ingress, own, "from")) : []),
  ]);
  deleteFlows(
    host,
    forbidden.map(({ flow }) => flow),
  );
}

/** A connection by its ends, as they are once addresses have been translated. */
export interface Seen {
  readonly flow: Flow;
  readonly from: IpAddress | undefined;
  readonly to: IpAddress | undefined;
  readonly protocol: number;
  readonly port: number | undefined;
}

/** The host and the container itself are let through whatever a policy says. */
function isForbidden(direction: Direction, own: readonly IpAddress[], otherEnd: "from" | "to") {
  return ({ [otherEnd]: peer, protocol, port }: Seen): boolean => {
    if (!peer || own.some((address) => equalAddresses(address, peer))) return false;
    return !lets(direction, { peer, protocol, port });
  };
}

/** The connections that an address has begun. */
export function flowsFrom(host: Netns, address: IpAddress): readonly Seen[] {
  const flows = host.netfilter.dump(listFlowsFrom(address), flowMessage).flatMap(seen);
  return flows.filter(({ from }) => from && equalAddresses(from, address));
}

/** The connections that an address answers. */
export function flowsTo(host: Netns, address: IpAddress): readonly Seen[] {
  const flows = host.netfilter.dump(listFlowsTo(address), flowMessage).flatMap(seen);
  return flows.filter(({ to }) => to && equalAddresses(to, address));
}

/** A connection as it was listed; none if it cannot be told apart. */
export function seen({ header, attributes }: ReadOf<typeof flowMessage>): readonly Seen[] {
  const { original, reply, id, zone } = attributes;
  if (!original || id === undefined) return [];
  const { family } = header;
  return [
    {
      flow: { family: family === 2 ? 4 : 6, original, id, zone },
      from: original.addresses?.source4 ?? original.addresses?.source6,
      to: reply?.addresses?.source4 ?? reply?.addresses?.source6,
      protocol: original.ports?.protocol ?? 0,
      port: reply?.ports?.source,
    },
  ];
}
