/** The VRF device of a container: found as configured, or made. */

import type { AddCall } from "../../lib/cni/call.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import type { Undo } from "../../lib/cni/undo.ts";
import type { Link } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { freeTable, readRouting } from "../../lib/net/table.ts";
import { deleteVrfIfUnused, findVrf, makeVrf, vrfWithTable } from "../../lib/net/vrf.ts";
import type { VrfConfig } from "./config.ts";

type Add = AddCall<VrfConfig>;

/** The first table that is chosen, as by the reference plugin. */
const FIRST_TABLE = 1;

/**
 * The VRF that is there, if any; throws code 103 if it has another table than is configured, or if
 * another kind of link, or another VRF with that table, is in the place.
 */
export function findUsableVrf({ config }: Add, container: Netns): Link | undefined {
  const { vrfName = "", table } = config;
  const found = findVrf(container, vrfName);
  if (found) return requireTable(found, table);
  const other = table === undefined ? undefined : vrfWithTable(container, table);
  if (other === undefined) return undefined;
  throw conflict(`make VRF "${vrfName}" with table ${table}`, `VRF "${other}" has that table`);
}

/** A VRF that is there already; else it is made, and removed by a failed ADD if it is unused. */
export function ensureVrf(
  { config }: Add,
  container: Netns,
  { found, undo }: { readonly found: Link | undefined; readonly undo: Undo },
): Link {
  if (found) return found;
  const { vrfName = "" } = config;
  const table = config.table ?? freeTable(container, readRouting(container), FIRST_TABLE);
  const made = undo.step(
    `VRF "${vrfName}"`,
    () => makeVrf(container, vrfName, table),
    () => removeUnused(container, vrfName),
  );
  return requireTable(made, config.table);
}

function removeUnused(container: Netns, name: string): void {
  const made = findVrf(container, name);
  if (made) deleteVrfIfUnused(container, made);
}

function requireTable(vrf: Link, table: number | undefined): Link {
  if (table === undefined || vrf.vrfTable === table) return vrf;
  const state = `it already exists with table ${vrf.vrfTable}`;
  throw conflict(`use VRF "${vrf.name}" with table ${table}`, state);
}

function conflict(what: string, state: string): CniError {
  return new CniError(Code.conflict, `Cannot ${what}: ${state}`);
}
