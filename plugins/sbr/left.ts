/** What DEL finds of an attachment: by its link, by the result of ADD, or by what nobody else has. */

import type { DelCall } from "../../lib/cni/call.ts";
import { equalAddresses } from "../../lib/ip/address.ts";
import { listAddressesIfFew, listLocalAddresses } from "../../lib/net/address.ts";
import { ifFew } from "../../lib/net/few.ts";
import type { LinkRef } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { isOwnRule, listRules, type SourceRule, sourceRulesOf } from "../../lib/net/rule.ts";
import { type Routing, readRouting } from "../../lib/net/table.ts";
import type { SbrConfig } from "./config.ts";
import { reportedAddresses, rulesFor } from "./source.ts";

/** The attachment's rules; none where a container has more than are looked at: they go with it. */
export function listLeft(
  call: DelCall<SbrConfig>,
  container: Netns,
  link: LinkRef | undefined,
): readonly SourceRule[] {
  return ifFew(() => find(call, container, link));
}

function find(
  call: DelCall<SbrConfig>,
  container: Netns,
  link: LinkRef | undefined,
): readonly SourceRule[] {
  const routing = routingIn(container);
  const reported = reportedAddresses(call);
  const ofLink = link ? listAddressesIfFew(container, link) : [];
  const addresses = reported.length > 0 ? reported : ofLink;
  if (addresses.length === 0) return orphans(container, routing);
  const place = { routing, link, table: call.config.table };
  return [...new Set(addresses.flatMap((address) => rulesFor(address, place)))];
}

/** Where a container has more routes than are looked at, only a rule itself can say that it is ours. */
function routingIn(container: Netns): Routing {
  const [routing] = ifFew(() => [readRouting(container)]);
  return routing ?? { rules: listRules(container).filter(isOwnRule), routes: [] };
}

/** If nothing tells the addresses: rules of ours for an address that the container has not. */
function orphans(container: Netns, { rules }: Routing): readonly SourceRule[] {
  const present = listLocalAddresses(container);
  return sourceRulesOf(rules)
    .filter(isOwnRule)
    .filter(({ source }) => !present.some((address) => equalAddresses(address, source)));
}
