/** Ports of this host that lead to containers, whichever backend made them, with who has them. */

import type { Family } from "../ip/address.ts";
import type { Netns } from "../net/netns.ts";
import { nameOwner, ownerIn } from "../net/owner.ts";
import { describeCutOff } from "./host-listeners.ts";
import { holderOf, nameHolder, portsOfAll } from "./iptables/found-ports.ts";
import { natTables } from "./iptables/nat.ts";
import { findGeneration } from "./nft-transaction.ts";
import { listOwnedElements } from "./nftables/elements.ts";
import { allSets, familyAt, isClientPlace, portAt, portInWords } from "./nftables/hostport-sets.ts";
import { goneFinder, type Holder } from "./port-holder.ts";
import type { HostPort } from "./port-mapping.ts";
import { hasHostportTables } from "./reference/tables.ts";

/** A port that leads to a container. */
export interface MappedPort {
  readonly port: HostPort;
  readonly family: Family;
  /** `tcp port 8080` */
  readonly what: string;
  /** Who has it, in words. */
  readonly whose: string;
  /** True if it is certain that who has it is no more. */
  readonly isGone: boolean;
}

/** All of them. Throws IptablesError if a program that tells of them fails. */
export function listMappedPorts(host: Netns): readonly MappedPort[] {
  const isGone = goneFinder(host);
  const toMapped = ({ port, family, holder, whose }: Found): MappedPort => {
    return { port, family, what: portInWords(port), whose, isGone: isGone(holder) };
  };
  return [...foundInNftables(host), ...foundInIptables(host)].map(toMapped);
}

/** Programs of this host that are cut off by a port, each in a sentence. */
export function listenersBehind(host: Netns, { port, family }: MappedPort): readonly string[] {
  const container = { address: new Uint8Array(family === 4 ? 4 : 16), prefixLength: 0 };
  const mappings = [{ ...port, containerPort: port.port }];
  const targets = [{ container, mappings, conditions: [] }];
  const owner = { network: "", containerID: "", ifName: "" };
  return describeCutOff(host, { owner, targets, snat: undefined });
}

interface Found {
  readonly port: HostPort;
  readonly family: Family;
  readonly holder: Holder;
  readonly whose: string;
}

function foundInNftables(host: Netns): readonly Found[] {
  if (findGeneration(host) === undefined) return [];
  const elements = allSets().flatMap((set) => listOwnedElements(host, set));
  return elements
    .filter((element) => !isClientPlace(element))
    .map((element) => ({
      port: portAt(element),
      family: familyAt(element),
      holder: { owner: ownerIn(element.comment), note: element.holder },
      whose: nameOwner(element.comment),
    }));
}

function foundInIptables(host: Netns): readonly Found[] {
  if (!hasHostportTables(host)) return [];
  return natTables(host).flatMap(({ family, list }) => {
    const lines = list();
    return portsOfAll(lines).flatMap((found) => {
      const holder = holderOf(lines, found);
      const whose = nameHolder(lines, found);
      return found.port ? [{ port: found.port, family, holder, whose }] : [];
    });
  });
}
