/** Where this host is on the network that carries the packets: its link, and its addresses there. */

import { CniError, Code } from "../lib/cni/error.ts";
import { equalAddresses } from "../lib/ip/address.ts";
import { NetError } from "../lib/net/error.ts";
import type { Netns } from "../lib/net/netns.ts";
import { chooseUplink } from "../lib/net/uplink-choice.ts";
import type { NetworkConfig } from "../lib/store/network.ts";
import type { Hints } from "../lib/store/store.ts";
import type { AgentOptions } from "./options.ts";
import type { Seat } from "./plan.ts";

/** Finds it anew; throws CniError, code 50, if there is no link, or it lacks an address. */
export function findSeat(
  host: Netns,
  options: Pick<AgentOptions, "uplink" | "publicIP" | "publicIPv6">,
  { network, hints }: { readonly network: NetworkConfig; readonly hints: Hints },
): Seat {
  const told = [hints.publicIP ?? options.publicIP, hints.publicIPv6 ?? options.publicIPv6].flatMap(
    (each) => (each ? [each] : []),
  );
  const networks = network.families.map((each) => each.network);
  const { link, addresses } = orNotAvailable(() =>
    chooseUplink(host, { ...options.uplink, told, networks }),
  );
  return {
    uplink: link.name,
    uplinkMtu: link.mtu,
    addresses: addresses.map(({ local }) => local),
    published: addresses.flatMap((each) =>
      equalAddresses(each.told, each.local) ? [] : [each.told],
    ),
  };
}

function orNotAvailable<T>(body: () => T): T {
  try {
    return body();
  } catch (cause) {
    if (!(cause instanceof NetError)) throw cause;
    throw new CniError(Code.notAvailable, cause.message);
  }
}
