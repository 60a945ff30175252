/** Routes on their way to the tables of their addresses, and back. */

import { asMuchAsPossible, type Undo } from "../../lib/cni/undo.ts";
import { ifFew } from "../../lib/net/few.ts";
import type { LinkRef } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import {
  addRoutes,
  deleteRoutes,
  inTable,
  listTableRoutes,
  MAIN_TABLE,
  restoreRoutes,
  routesBy,
} from "../../lib/net/table.ts";
import type { Move } from "./plan.ts";

/** Carries out a plan; a failed ADD gives back what left, and takes away what came. */
export function carryOut(container: Netns, { coming, leaving }: Move, undo: Undo): void {
  undo.before("routes", () =>
    asMuchAsPossible(
      ["give routes back", () => addRoutes(container, leaving)],
      ["delete routes", () => deleteRoutes(container, coming)],
    ),
  );
  addRoutes(container, coming);
  deleteRoutes(container, leaving);
}

/**
 * The routes of tables are the main table's again, but for those that ADD made. One that the kernel
 * does not take back is no loss: with their link all go, as do those of tables too long to look at.
 */
export function giveBack(container: Netns, link: LinkRef, tables: readonly number[]): void {
  const routes = routesBy(
    ifFew(() => listTableRoutes(container)),
    link,
  );
  const inside = routes.filter(({ table }) => tables.includes(table));
  const hints = routes.filter(({ table, isOwn }) => table === MAIN_TABLE && isOwn);
  const moved = inside.filter(({ isOwn }) => !isOwn).map((route) => inTable(route, MAIN_TABLE));
  deleteRoutes(container, hints);
  restoreRoutes(container, moved);
  deleteRoutes(container, inside);
}
