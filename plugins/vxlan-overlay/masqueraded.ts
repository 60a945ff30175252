/** Which packets of a container leave under this host's address: those that leave the network. */

import type { AddCall, CheckCall } from "../../lib/cni/call.ts";
import type { Result } from "../../lib/cni/result.ts";
import { cidrsOf, ownIps } from "../../lib/cni/whose.ts";
import type { Masquerade } from "../../lib/filter/masquerade.ts";
import type { OverlayConfig } from "./config.ts";

/** With the network's prefix length: what stays within the network keeps its source. */
export function masqueradeOf(
  { attachment, config }: AddCall<OverlayConfig> | CheckCall<OverlayConfig>,
  result: Result,
): Masquerade {
  const addresses = cidrsOf(ownIps(result, attachment.ifName));
  const widened = addresses.flatMap(({ address }) => {
    const network = config.networks.find((each) => each.address.length === address.length);
    return network ? [{ address, prefixLength: network.prefixLength }] : [];
  });
  return { owner: attachment, addresses: widened, backend: config.ipMasqBackend };
}
