/** Strict reverse path filtering on a link by which packets come that are answered by another one. */

import type { Link } from "../../lib/net/link.ts";
import { MAIN_TABLE } from "../../lib/net/table.ts";
import { findDefaultUplink } from "../../lib/net/uplink.ts";
import { setting } from "./command.ts";
import type { Check, Examined } from "./finding.ts";

const STRICT = 1;

/** Links with a default route that is not the one which answers take. */
export const rpFilter: Check = (examined) => {
  const best = findDefaultUplink(examined.host);
  return otherUplinks(examined, best)
    .filter(({ name }) => modeOf(examined, name) === STRICT)
    .map(({ name }) => ({
      ...{ id: "rp-filter", level: "warning" as const },
      finding: `What comes in by "${name}" from afar is dropped: rp_filter is strict, and the default route that answers take is by "${best?.name}"`,
      advice: `Run: ${setting(`net/ipv4/conf/${name}/rp_filter`, "2")}`,
    }));
};

function otherUplinks({ links, routes }: Examined, best: Link | undefined): readonly Link[] {
  const outputs = routes
    .filter(({ destination }) => destination.prefixLength === 0 && destination.address.length === 4)
    .filter(({ table, outputs: own }) => table === MAIN_TABLE && own.length === 1)
    .flatMap(({ outputs: own }) => own);
  return links.filter(({ index }) => outputs.includes(index) && index !== best?.index);
}

/** The stricter of what a link and all links have, by their numbers: 2 is loose, and counts more. */
function modeOf(examined: Examined, name: string): number {
  const modes = ["all", name].map((each) =>
    Number(examined.sysctl(`net/ipv4/conf/${each}/rp_filter`) ?? 0),
  );
  return Math.max(...modes);
}
