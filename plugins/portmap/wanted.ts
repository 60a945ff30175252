/** Which ports are to lead to a container, from the configuration and the result before. */

import type { Attachment } from "../../lib/cni/call.ts";
import { configError } from "../../lib/cni/error.ts";
import type { Result } from "../../lib/cni/result.ts";
import { cidrsOf, ownIps } from "../../lib/cni/whose.ts";
import { family } from "../../lib/ip/address.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import type { HostPorts } from "../../lib/net/portmapping.ts";
import { parseConditions } from "./conditions.ts";
import type { PortmapConfig } from "./config.ts";

interface Request {
  readonly attachment: Attachment;
  readonly config: PortmapConfig;
  readonly prevResult: Result;
}

/** The container's first address of each family, with the mappings that are for it. */
export function wantedPorts({ attachment, config, prevResult }: Request): HostPorts {
  const inside = addressesOf(prevResult, attachment.ifName);
  refuseLost(config, inside);
  const conditions = {
    4: config.backend === "iptables" ? [] : parseConditions(config.words[4], 4),
    6: config.backend === "iptables" ? [] : parseConditions(config.words[6], 6),
  };
  const targets = inside.flatMap((container) => {
    const of = family(container.address);
    const mappings = config.mappings.filter((each) => (each.family ?? of) === of);
    return mappings.length > 0 ? [{ container, mappings, conditions: conditions[of] }] : [];
  });
  return { owner: attachment, targets, snat: config.snat };
}

/** CNI_IFNAME's: not those of another link of the container, as with the reference plugin. */
function addressesOf(result: Result, ifName: string): readonly Cidr[] {
  const own = cidrsOf(ownIps(result, ifName));
  return ([4, 6] as const).flatMap((of) => own.find(({ address }) => family(address) === of) ?? []);
}

/** A mapping of a family that the container does not have would lead nowhere. */
function refuseLost({ mappings }: PortmapConfig, inside: readonly Cidr[]): void {
  if (inside.length === 0) return;
  const there = inside.map(({ address }) => family(address));
  const lost = mappings.findIndex(({ family: of }) => of !== undefined && !there.includes(of));
  if (lost < 0) return;
  const families = there.map((of) => `IPv${of}`).join(" or ");
  const path = `runtimeConfig.portMappings[${lost}].hostIP`;
  throw configError(path, `of ${families}, as the container is`, `IPv${mappings[lost]?.family}`);
}

type FormerRequest = Omit<Request, "prevResult"> & { readonly prevResult?: Result | undefined };

/** What ADD made, as far as the result and the configuration still tell; else it is searched for. */
export function formerPorts({ attachment, config, prevResult = {} }: FormerRequest): HostPorts {
  try {
    return wantedPorts({ attachment, config, prevResult });
  } catch {
    return { owner: attachment, targets: [], snat: undefined };
  }
}
