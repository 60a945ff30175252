/**
 * vrf: the container's link is in a VRF, a part of the container with a routing table of its own.
 *
 *   container   blue   a VRF with table 1: default via 10.70.0.1 dev net1, 10.70.0.0/16 dev net1
 *                |
 *               net1   10.70.0.7/16             eth0   10.1.2.2/24
 *                                               table main: default via 10.1.2.1 dev eth0
 *
 * The VRF is made with its first link, and goes with the last. Nothing is made on the host.
 */

import type { AddCall, Chained, DelCall, StatusCall } from "../../lib/cni/call.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import { isOthersLink } from "../../lib/cni/host-end.ts";
import type { Result } from "../../lib/cni/result.ts";
import { chainedPlugin } from "../../lib/cni/run.ts";
import { allOrNothing, asMuchAsPossible, type Undo } from "../../lib/cni/undo.ts";
import { requireReady } from "../../lib/cni/verdict.ts";
import { findLink, getLink, type Link } from "../../lib/net/link.ts";
import { kindFault } from "../../lib/net/make.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { MAIN_TABLE } from "../../lib/net/table.ts";
import {
  belongingsOf,
  deleteFromTable,
  deleteVrfIfUnused,
  isVrf,
  moveLink,
  moveLinkAway,
} from "../../lib/net/vrf.ts";
import { check } from "./check.ts";
import { parseVrfConfig, type VrfConfig } from "./config.ts";
import { ensureVrf, findUsableVrf } from "./device.ts";
import * as schema from "./vrf.schema.json";

type Add = Chained<AddCall<VrfConfig>>;

function add(call: Add, _host: Netns, container: Netns): Result {
  const link = getLink(container, call.attachment.ifName);
  const found = findUsableVrf(call, container);
  requireFree(call, container, { link, vrf: found });
  allOrNothing((undo) => {
    const vrf = ensureVrf(call, container, undo);
    if (link.master !== vrf.index) join(container, { link, vrf }, undo);
  });
  return call.prevResult;
}

/** A link that is in another's care, a bridge's or another VRF's, is not taken away from it. */
function requireFree(
  { config }: Add,
  container: Netns,
  { link, vrf }: { readonly link: Link; readonly vrf: Link | undefined },
): void {
  if (link.master === 0 || link.master === vrf?.index) return;
  const master = findLink(container, link.master)?.name ?? link.master;
  const state = `it already has a master, "${master}"`;
  throw new CniError(
    Code.conflict,
    `Cannot add "${link.name}" to VRF "${config.vrfName}": ${state}`,
  );
}

interface Member {
  readonly link: Link;
  readonly vrf: Link;
}

/**
 * The link's routes go with it, and its IPv6 addresses stay. A failed ADD makes it what it was; if
 * the kernel refused the link, only the routes have come.
 */
function join(container: Netns, { link, vrf }: Member, undo: Undo): void {
  const belongings = belongingsOf(container, link, MAIN_TABLE);
  const back = { master: 0, table: MAIN_TABLE, belongings };
  const table = tableOf(vrf);
  undo.before("routes", () => deleteFromTable(container, belongings, table));
  undo.before("membership", () => moveLink(container, link, back));
  moveLink(container, link, { master: vrf.index, table, belongings });
}

/**
 * Without the namespace nothing is left, nor where its path leads to another pod. What is of no VRF,
 * or of another, is not touched.
 */
function del(call: DelCall<VrfConfig>, host: Netns, container: Netns | undefined): void {
  if (!container) return;
  const link = findLink(container, call.attachment.ifName);
  if (link && isOthersLink(call, host, link)) return;
  const vrf = vrfOf(call, container, link);
  if (!vrf) return;
  asMuchAsPossible(
    ["take the link out of the VRF", () => link && leave(container, { link, vrf })],
    ["delete the VRF", () => deleteVrfIfUnused(container, vrf)],
  );
}

/** The configured VRF, or that of the link if the configuration names none. */
function vrfOf({ config }: DelCall<VrfConfig>, container: Netns, link: Link | undefined) {
  const name = config.vrfName ?? (link && link.master !== 0 ? link.master : undefined);
  const found = name === undefined ? undefined : findLink(container, name);
  return found && isVrf(found) ? found : undefined;
}

function leave(container: Netns, { link, vrf }: Member): void {
  if (link.master !== vrf.index) return;
  const belongings = belongingsOf(container, link, tableOf(vrf));
  moveLinkAway(container, link, { master: 0, table: MAIN_TABLE, belongings });
}

function tableOf({ vrfTable }: Link): number {
  return vrfTable ?? MAIN_TABLE;
}

function status(_call: StatusCall<VrfConfig>, host: Netns): void {
  requireReady("make a VRF", kindFault(host, "vrf"));
}

export const { main, handle, configuration } = chainedPlugin<VrfConfig>({
  name: "vrf",
  reference: "1.9.1",
  schema,
  parseConfig: parseVrfConfig,
  add,
  check,
  del,
  /** VRFs are in the container's namespace, which GC is not told, and go with it. */
  gc: () => {},
  status,
});
