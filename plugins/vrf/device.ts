/** The VRF device of a container: found as configured, or made. */

import type { AddCall } from "../../lib/cni/call.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import type { Undo } from "../../lib/cni/undo.ts";
import type { Link } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { freeTable, readRouting } from "../../lib/net/table.ts";
import { claimVrf, deleteVrfIfUnused, findVrf, makeVrf, vrfWithTable } from "../../lib/net/vrf.ts";
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

/** How often others may be quicker. */
const ATTEMPTS = 32;

/**
 * The VRF that is there; else one is made, which a failed ADD removes if it is unused. Throws code
 * 103 as before.
 */
export function ensureVrf(call: Add, container: Netns, undo: Undo): Link {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const vrf = findUsableVrf(call, container) ?? make(call, container, undo);
    if (claimVrf(container, vrf)) return requireTable(vrf, call.config.table);
    deleteVrfIfUnused(container, vrf);
  }
  const what = `find a routing table for VRF "${call.config.vrfName}"`;
  throw new CniError(Code.tryAgain, `Cannot ${what}: others take every table that is found free`);
}

function make({ config }: Add, container: Netns, undo: Undo): Link {
  const { vrfName = "" } = config;
  const table = config.table ?? freeTable(container, readRouting(container), FIRST_TABLE);
  return undo.step(
    `VRF "${vrfName}"`,
    () => makeVrf(container, vrfName, table),
    () => removeUnused(container, vrfName),
  );
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
