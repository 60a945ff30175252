/** Masquerade of an attachment's addresses: made with them, compared, taken away with its link. */

import type { AddCall, CheckCall, DelCall } from "../cni/call.ts";
import type { Defaults } from "../cni/defaults.ts";
import type { Lease } from "../cni/ipam.ts";
import type { JsonObject } from "../cni/json.ts";
import { flagAt, textAt } from "../cni/netconf.ts";
import type { ResultIp } from "../cni/result.ts";
import type { Undo } from "../cni/undo.ts";
import { cidrsOf, ipsOf } from "../cni/whose.ts";
import * as masquerading from "../filter/masquerade.ts";
import { listAddressesIfFew } from "../net/address.ts";
import type { Netns } from "../net/netns.ts";
import type { Inside } from "./pair.ts";

/** The part of a configuration that says whether, and by which packet filter. */
export interface MasqueradeConfig {
  readonly ipMasq: boolean;
  readonly ipMasqBackend: "nftables" | "iptables" | undefined;
}

/** What a configuration says of it, or else the node. */
export function masqueradeAt(json: JsonObject, { backend }: Defaults): MasqueradeConfig {
  const ipMasqBackend = textAt(json, "ipMasqBackend") as MasqueradeConfig["ipMasqBackend"];
  return { ipMasq: flagAt(json, "ipMasq"), ipMasqBackend: ipMasqBackend ?? backend };
}

/** Masquerades what comes from the lease's addresses, if that is asked for; undone if ADD fails. */
export function masquerade(
  call: AddCall<MasqueradeConfig>,
  host: Netns,
  { lease, undo }: { readonly lease: Lease; readonly undo: Undo },
): void {
  const { attachment: owner, config } = call;
  if (!config.ipMasq) return;
  const addresses = lease.ips.map(({ cidr }) => cidr);
  const known = addresses.map(({ address }) => address);
  undo.before("masquerade", () => masquerading.deleteMasquerade(host, { owner, known }));
  masquerading.addMasquerade(host, { owner, addresses, backend: config.ipMasqBackend });
}

/** What the masquerade of an attachment with these addresses lacks, in words. */
export function masqueradeFault(
  { attachment: owner, config }: CheckCall<MasqueradeConfig>,
  host: Netns,
  ips: readonly ResultIp[],
): string | undefined {
  const addresses = cidrsOf(ips);
  if (!config.ipMasq || addresses.length === 0) return undefined;
  const wanted = { owner, addresses, backend: config.ipMasqBackend };
  return masquerading.findMasqueradeFault(host, wanted);
}

/**
 * DEL: takes it away. The addresses are known from the result of ADD, as far as that says whose they
 * are; otherwise they are searched by their owner. What the container's link has by now is for the
 * container to say, and may be anything: only rules of the reference plugins, which name the
 * container but not its interface, are told apart by it.
 */
export function unmasquerade(
  call: DelCall<MasqueradeConfig>,
  host: Netns,
  { container, inside }: Inside,
): void {
  const { attachment: owner, config, prevResult } = call;
  if (!config.ipMasq) return;
  const own = prevResult ? ipsOf(prevResult, owner.ifName, "own") : [];
  const known = cidrsOf(own).map(({ address }) => address);
  const found = () => (container && inside ? listAddressesIfFew(container, inside) : []);
  masquerading.deleteMasquerade(host, { owner, known, found });
}
