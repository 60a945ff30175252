/**
 * portmap: ports of the host lead to the container.
 *
 *   world  ──▶  192.0.2.1:8080  ──▶  the container's address, port 80
 *   host   ──▶  127.0.0.1:8080  ──▶  the same, from an address of the host
 *   container, neighbours  ──▶  192.0.2.1:8080  ──▶  the same, from an address of the host
 *
 * Only what is addressed to this host is touched. Afterwards each mapping is an element of a map
 * that bears its owner; a port can have one owner only, and goes with it, or to the next who wants
 * it once it is certain that the owner is no more.
 */

import type {
  AddCall,
  Chained,
  CheckCall,
  DelCall,
  GcCall,
  StatusCall,
} from "../../lib/cni/call.ts";
import type { Result } from "../../lib/cni/result.ts";
import { chainedPlugin } from "../../lib/cni/run.ts";
import { allOrNothing, asMuchAsPossible, tryTo } from "../../lib/cni/undo.ts";
import { confirm, requireReady } from "../../lib/cni/verdict.ts";
import { warn } from "../../lib/cni/warn.ts";
import { hostLinks } from "../../lib/cni/whose.ts";
import { describeCutOff } from "../../lib/filter/host-listeners.ts";
import * as ports from "../../lib/filter/hostports.ts";
import { findGuardFaultOf, guardLoopbackOf } from "../../lib/filter/loopback.ts";
import type { HostPorts } from "../../lib/filter/port-mapping.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { type PortmapConfig, parsePortmapConfig } from "./config.ts";
import * as schema from "./portmap.schema.json";
import { requireUnreserved } from "./reserved.ts";
import { formerPorts, lossesIn, wantedPorts } from "./wanted.ts";

type Add = Chained<AddCall<PortmapConfig>>;
type Check = Chained<CheckCall<PortmapConfig>>;

function add(call: Add, host: Netns): Result {
  requireUnreserved(call.config.mappings, call.config.reserved, call.attachment.ifName);
  const wanted = wantedPorts(call);
  for (const loss of lossesIn(call)) warn("portmap", loss);
  if (wanted.targets.length === 0) return call.prevResult;
  return allOrNothing((undo) => {
    const backend = undo.step(
      "port mappings",
      () => ports.addPortMappings(host, wanted, call.config),
      () => leave(host, wanted),
    );
    ports.openLoopback(host, wanted, backend);
    ports.forgetDatagrams(host, ports.portsOf(wanted));
    for (const cutOff of describeCutOff(host, wanted)) warn("portmap", cutOff);
    return call.prevResult;
  });
}

function check(call: Check, host: Netns): void {
  const wanted = wantedPorts(call);
  if (wanted.targets.length === 0) return;
  const fault = ports.findPortMappingFault(host, wanted, call.config);
  confirm(call, fault, "the port mappings of");
}

/** What stays open to the loopback when the container goes is guarded, whoever flushed the rules. */
function del(call: DelCall<PortmapConfig>, host: Netns): void {
  const { prevResult = {}, attachment } = call;
  leave(host, formerPorts(call));
  tryTo("guard 127.0.0.1", () => ports.guardLinks(host, hostLinks(prevResult, attachment.ifName)));
}

function leave(host: Netns, former: HostPorts): void {
  asMuchAsPossible(
    ["delete from nftables", () => ports.deleteFromNftables(host, former)],
    ["delete from other tables", () => ports.deleteFromOthers(host, former.owner)],
  );
}

function gc({ network, valid }: GcCall<PortmapConfig>, host: Netns): void {
  asMuchAsPossible(
    ["collect in nftables", () => ports.collectFromNftables(host, network, valid)],
    ["collect in other tables", () => ports.collectFromOthers(host, network, valid)],
    ["guard 127.0.0.1", () => guardLoopbackOf(host, network)],
  );
}

/** A missing guard is said only: the next ADD makes it, and a network that is not ready has none. */
function status({ config, network }: StatusCall<PortmapConfig>, host: Netns): void {
  requireReady("map ports", ports.findMissingBackend(host, config));
  const fault = findGuardFaultOf(host, network);
  if (fault !== undefined) warn("portmap", fault);
}

export const { main, handle, configuration } = chainedPlugin<PortmapConfig>({
  name: "portmap",
  reference: "1.9.1",
  schema,
  parseConfig: parsePortmapConfig,
  add,
  check,
  del,
  gc,
  status,
});
