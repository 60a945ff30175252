/** The nat tables of iptables that there are, in nf_tables or in the older packet filter. */

import type { Family } from "../../ip/address.ts";
import type { Netns } from "../../net/netns.ts";
import { hasLegacyNat } from "../legacy-tables.ts";
import { hasNatTable } from "../reference/tables.ts";
import { type Flavour, findNatTable, type Table } from "./iptables.ts";

/** Those of both families; none where the programs are not installed. */
export function natTables(host: Netns): readonly Table[] {
  const families = ([4, 6] as const).filter((of) => hasNatTable(host, of));
  return families.flatMap((of) => findNatTable(host, of, natFlavour(host, of)) ?? []);
}

/** Where the nat table of a family is, or would be. */
export function natFlavour(host: Netns, of: Family): Flavour {
  return hasLegacyNat(host, of) ? "legacy" : "default";
}
