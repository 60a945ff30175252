/** Ports of this host that lead to containers, for people: each with its owner's mark. */

import type { Netns } from "../../net/netns.ts";
import { findGeneration } from "../nft-transaction.ts";
import type { HostPort } from "../port-mapping.ts";
import { listOwnedElements, type OwnedElement } from "./elements.ts";
import { portAt, sets } from "./hostport-sets.ts";

export interface LedPort extends HostPort {
  /** The comment that names the owner. */
  readonly comment: string;
  /** Undefined where a mapping has conditions, and a chain of its own. */
  readonly containerPort: number | undefined;
}

/** All ports that lead to containers, of both families; none without nf_tables. */
export function listLedPorts(ns: Netns): readonly LedPort[] {
  if (findGeneration(ns) === undefined) return [];
  const maps = [sets[4], sets[6]].flatMap(({ plain, own }) => [plain, own]);
  const all = maps.flatMap(({ one, any }) => [one, any]);
  return all.flatMap((set) => listOwnedElements(ns, set).map(ledPort));
}

function ledPort(element: OwnedElement): LedPort {
  return { ...portAt(element), comment: element.comment, containerPort: targetIn(element.value) };
}

/** An address, and a port in the two bytes behind it. */
function targetIn(value: Uint8Array | undefined): number | undefined {
  if (!value || value.length < 8) return undefined;
  const at = value.length - 4;
  return ((value[at] ?? 0) << 8) | (value[at + 1] ?? 0);
}
