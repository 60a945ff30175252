/** Which ports are to lead to a container, from the configuration and the result before. */

import type { Attachment } from "../../lib/cni/call.ts";
import type { Result } from "../../lib/cni/result.ts";
import { cidrsOf, ownIps } from "../../lib/cni/whose.ts";
import { noteOf } from "../../lib/filter/port-holder.ts";
import type { HostPorts } from "../../lib/filter/port-mapping.ts";
import { family } from "../../lib/ip/address.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import { parseConditions } from "./conditions.ts";
import type { PortmapConfig } from "./config.ts";
import { isLost, lossOf, type Mapping } from "./mappings.ts";

interface Request {
  readonly attachment: Attachment;
  readonly config: PortmapConfig;
  readonly netns: string;
  readonly prevResult: Result;
}

/** The container's first address of each family, with the mappings that are for it. */
export function wantedPorts({ attachment, config, netns, prevResult }: Request): HostPorts {
  const inside = addressesOf(prevResult, attachment.ifName);
  const lost = new Set(lostOf(config, inside));
  const conditions = {
    4: config.backend === "iptables" ? [] : parseConditions(config.words[4], 4),
    6: config.backend === "iptables" ? [] : parseConditions(config.words[6], 6),
  };
  const targets = inside.flatMap((container) => {
    const of = family(container.address);
    const isMeant = (each: Mapping) => (each.family ?? of) === of && !lost.has(each);
    const mappings = config.mappings.filter(isMeant);
    return mappings.length > 0 ? [{ container, mappings, conditions: conditions[of] }] : [];
  });
  const links = (prevResult.interfaces ?? []).filter(({ sandbox = "" }) => sandbox === "");
  const location = { owner: attachment, netns, links: links.map(({ name }) => name) };
  return { owner: attachment, targets, snat: config.snat, note: noteOf(location) };
}

/** The mappings that lead nowhere, each in a sentence: a pod has them for other hosts, or families. */
export function lossesIn({ attachment, config, prevResult }: Request): readonly string[] {
  return lostOf(config, addressesOf(prevResult, attachment.ifName)).map(lossOf);
}

function lostOf({ mappings }: PortmapConfig, inside: readonly Cidr[]): readonly Mapping[] {
  const families = inside.map(({ address }) => family(address));
  return mappings.filter((mapping) => isLost(mapping, families));
}

/** CNI_IFNAME's: not those of another link of the container, as with the reference plugin. */
function addressesOf(result: Result, ifName: string): readonly Cidr[] {
  const own = cidrsOf(ownIps(result, ifName));
  return ([4, 6] as const).flatMap((of) => own.find(({ address }) => family(address) === of) ?? []);
}

type FormerRequest = Omit<Request, "prevResult"> & { readonly prevResult?: Result | undefined };

/** What ADD made, as far as the result and the configuration still tell; else it is searched for. */
export function formerPorts({ prevResult = {}, ...request }: FormerRequest): HostPorts {
  try {
    return wantedPorts({ ...request, prevResult });
  } catch {
    return { owner: request.attachment, targets: [], snat: undefined };
  }
}
