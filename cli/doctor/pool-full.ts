/** Networks that have no address left for another container, or few. */

import type { JsonObject } from "../../lib/cni/json.ts";
import { describeSet, type RangeSet, usage } from "../../lib/cni/range-set.ts";
import { parseRangeSets } from "../../lib/cni/ranges.ts";
import { reservedAddresses } from "../../lib/inventory/reserved.ts";
import type { NetworkList } from "../list-file.ts";
import { addressManagers, leaseDirectory } from "./address-managers.ts";
import type { Check, Finding } from "./finding.ts";

/** From so much of its addresses on a pool is nearly full. */
const NEARLY = 0.9;

export const poolFull: Check = ({ lists }) =>
  lists.flatMap(({ list }) =>
    list ? addressManagers(list).flatMap((manager) => poolsOf(list, manager)) : [],
  );

/** Of host-local's pools, as far as the file says what they are. */
function poolsOf(list: NetworkList, manager: JsonObject): readonly Finding[] {
  const directory = leaseDirectory(manager);
  const sets = directory === undefined ? [] : setsOf(list, manager);
  if (directory === undefined || sets.length === 0) return [];
  const reserved = reservedAddresses(directory, list.name);
  return sets.flatMap((set) => findingOf(list.name, set, reserved));
}

/** What cannot be read is no matter of this check; what is missing comes from the runtime. */
function setsOf({ cniVersion }: NetworkList, ipam: JsonObject): readonly RangeSet[] {
  try {
    return parseRangeSets({ cniVersion, ipam });
  } catch {
    return [];
  }
}

function findingOf(
  network: string,
  set: RangeSet,
  reserved: readonly string[],
): readonly Finding[] {
  const { used, size } = usage(reserved, set);
  if (used < size * NEARLY) return [];
  const isFull = used >= size;
  const state = `${used} of ${size} addresses of ${describeSet(set)} are in use`;
  const finding = `Network "${network}" has ${isFull ? "no address left" : "few addresses left"}: ${state}`;
  const advice = `Run "weft gc ${network}" to see what is left of containers that are gone, or add a range`;
  return [
    {
      id: isFull ? "pool-full" : "pool-nearly-full",
      level: isFull ? "error" : "warning",
      finding,
      advice,
    },
  ];
}
