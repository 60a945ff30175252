/**
 * dummy: a link of the container that leads nowhere, for addresses that are to be there.
 *
 *   container
 *   eth0   address/prefix      what is sent by it is dropped; the container reaches its own address
 *          routes as IPAM says
 *
 * Nothing is made on the host: the link, its addresses and routes go with the container.
 */

import { checkInside } from "../../lib/attach/check.ts";
import { applyLease, takeLease } from "../../lib/attach/lease.ts";
import { makeLink, removeLink } from "../../lib/attach/link.ts";
import { report } from "../../lib/attach/report.ts";
import type { AddCall, CheckCall, DelCall, GcCall, StatusCall } from "../../lib/cni/call.ts";
import * as ipam from "../../lib/cni/ipam.ts";
import type { Result } from "../../lib/cni/result.ts";
import { interfacePlugin } from "../../lib/cni/run.ts";
import { allOrNothing, asMuchAsPossible } from "../../lib/cni/undo.ts";
import { requireReady } from "../../lib/cni/verdict.ts";
import { kindFault } from "../../lib/net/make.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { type DummyConfig, parseDummyConfig } from "./config.ts";
import * as schema from "./dummy.schema.json";

const KIND = "dummy";

function add(call: AddCall<DummyConfig>, host: Netns, container: Netns): Result {
  const plugin = ipam.findIpam(call);
  const link = { host, netns: container, kind: { kind: KIND }, mtu: 0, mac: undefined };
  return allOrNothing((undo) => {
    const inside = makeLink(call, link, undo);
    const lease = plugin && takeLease(call, plugin, undo);
    applyLease(container, inside, { lease });
    return report(call, { outside: [], inside }, lease);
  });
}

function check(call: CheckCall<DummyConfig>, _host: Netns, container: Netns): void {
  checkInside(call, container, KIND);
}

function del(call: DelCall<DummyConfig>, _host: Netns, container: Netns | undefined): void {
  asMuchAsPossible(
    ["delete the link", () => removeLink(call, container, KIND)],
    ["release the addresses", () => ipam.deleteLease(call)],
  );
}

/** The links go with their containers, so only addresses can be left. */
function gc(call: GcCall<DummyConfig>): void {
  ipam.collectLeases(call);
}

function status(call: StatusCall<DummyConfig>, host: Netns): void {
  requireReady(`create a link of kind ${KIND}`, kindFault(host, KIND));
  ipam.checkIpamStatus(call);
}

export const { main, handle, configuration } = interfacePlugin<DummyConfig>({
  name: "dummy",
  reference: "1.9.1",
  schema,
  parseConfig: parseDummyConfig,
  add,
  check,
  del,
  gc,
  status,
});
