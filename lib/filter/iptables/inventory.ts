/**
 * What attachments have in iptables, and what the reference plugins left that names network and
 * container. firewalld knows no owners: an address that it has is an element of our own table too.
 */

import { lazily } from "../../host/lazy.ts";
import type { Shelf } from "../../net/inventory.ts";
import type { Netns } from "../../net/netns.ts";
import { hasLegacyNat } from "../legacy-tables.ts";
import { leftoverShelves } from "../reference/reference-masquerade.ts";
import { hasHostportTables, hasReferenceTables } from "../reference/tables.ts";
import { hasForwardChain } from "./flavours.ts";
import * as forward from "./forward-iptables.ts";

type Masquerade = typeof import("./masquerade-iptables.lazy.ts");
type HostPorts = typeof import("./hostports-iptables.lazy.ts");

/**
 * One shelf for each table that there is. What is listed is removed as it was found then: a table
 * that others have changed meanwhile may refuse that, as a whole, and throws IptablesError.
 */
export function iptablesShelves(host: Netns): readonly Shelf[] {
  return [...masqueradeShelves(host), ...hostPortShelves(host), ...forwardShelves(host)];
}

function masqueradeShelves(host: Netns): readonly Shelf[] {
  if (!hasReferenceTables(host)) return [];
  return [
    ...leftoverShelves(host),
    ...(hasLegacyNat(host)
      ? lazily<Masquerade>("masquerade-iptables").masqueradeShelves(host, "legacy")
      : []),
  ];
}

function hostPortShelves(host: Netns): readonly Shelf[] {
  if (!hasHostportTables(host)) return [];
  return lazily<HostPorts>("hostports-iptables").hostPortShelves(host);
}

function forwardShelves(host: Netns): readonly Shelf[] {
  if (!hasForwardChain(host, 4) && !hasForwardChain(host, 6)) return [];
  return forward.forwardShelves(host);
}
