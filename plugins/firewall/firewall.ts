/**
 * firewall: forwarded packets reach the container, and bridges are isolated from each other.
 *
 *   world, other links  ──▶  forward  ──▶  the container's addresses: accept
 *   a bridge with a policy ──▶  ╳  ──▶  another bridge with a policy
 *   isolated: the bridge  ──▶  ╳  ──▶  the bridge
 *
 * Afterwards each address has an element in our own tables, and rules wherever else this host
 * decides over forwarded packets. All of it bears its owner and goes with the attachment.
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
import { allOrNothing, asMuchAsPossible } from "../../lib/cni/undo.ts";
import { confirm, requireReady } from "../../lib/cni/verdict.ts";
import { cidrsOf, hostLinks } from "../../lib/cni/whose.ts";
import * as forwarding from "../../lib/filter/forward.ts";
import { findMissingBackend } from "../../lib/filter/forward-backends.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { addressesOf, type FirewallConfig, forwardingOf, parseFirewallConfig } from "./config.ts";
import * as schema from "./firewall.schema.json";

type Add = Chained<AddCall<FirewallConfig>>;
type Check = Chained<CheckCall<FirewallConfig>>;

function add(call: Add, host: Netns, container: Netns): Result {
  const wanted = wantedBy(call, host, container);
  return allOrNothing((undo) => {
    undo.before("forwarding", () => takeBack(call, host));
    forwarding.addForwarding(host, wanted, call.config);
    return call.prevResult;
  });
}

function wantedBy({ attachment, config, prevResult }: Add | Check, host: Netns, container: Netns) {
  return forwardingOf(host, { attachment, container, prevResult, policy: config.policy });
}

function check(call: Check, host: Netns, container: Netns): void {
  const fault = forwarding.findForwardingFault(host, wantedBy(call, host, container), call.config);
  confirm(call, fault, "the firewall of");
}

function del(call: DelCall<FirewallConfig>, host: Netns): void {
  leave(call, host, { result: call.prevResult ?? {}, isMarked: false });
}

/** What ADD made in iptables has a mark: what has none, at the same addresses, is another's. */
function takeBack(call: Add, host: Netns): void {
  leave(call, host, { result: call.prevResult, isMarked: true });
}

/** Elements tell whose they are: any address may be looked up. What has no mark must be its own. */
function leave(
  { attachment, config }: Pick<DelCall<FirewallConfig>, "attachment" | "config">,
  host: Netns,
  { result, isMarked }: { readonly result: Result; readonly isMarked: boolean },
): void {
  const links = hostLinks(result, attachment.ifName);
  const known = addressesOf(result, attachment.ifName);
  const leaving = { owner: attachment, known, links };
  const named = cidrsOf(result.ips ?? []).map(({ address }) => address);
  const marked = { ...leaving, known: named };
  const unmarked = { ...leaving, known: isMarked ? [] : known };
  asMuchAsPossible(
    ["free addresses in firewalld", () => forwarding.deleteFromFirewalld(host, leaving, config)],
    ["delete from nftables", () => forwarding.deleteFromNftables(host, marked)],
    ["delete from iptables", () => forwarding.deleteFromIptables(host, unmarked)],
  );
}

function gc(call: GcCall<FirewallConfig>, host: Netns): void {
  asMuchAsPossible(
    ["collect in firewalld", () => forwarding.collectFromFirewalld(host, call, call.config)],
    ["collect in nftables", () => forwarding.collectFromNftables(host, call)],
    ["collect in iptables", () => forwarding.collectFromIptables(host, call)],
  );
}

function status({ config }: StatusCall<FirewallConfig>, host: Netns): void {
  requireReady("filter forwarded packets", findMissingBackend(host, config));
}

export const { main, handle, configuration } = chainedPlugin<FirewallConfig>({
  name: "firewall",
  reference: "1.9.1",
  schema,
  parseConfig: parseFirewallConfig,
  add,
  check,
  del,
  gc,
  status,
});
