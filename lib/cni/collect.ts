/** GC of things that can go one by one. */

import { findStale, type Marked, type Shelf } from "../net/inventory.ts";
import type { GcCall } from "./call.ts";
import { asMuchAsPossible } from "./undo.ts";

/**
 * Removes from a shelf what belongs to no valid attachment: each thing whatever becomes of the
 * others. Throws one error that names all that failed; `what` is said of the removal of one thing.
 */
export function collectEach<T extends Marked>(
  shelf: Shelf<T>,
  { network, valid }: GcCall<unknown>,
  what: (thing: T) => string,
): void {
  asMuchAsPossible(
    ...findStale(shelf, network, valid).map(
      (thing) => [what(thing), () => shelf.remove([thing])] as const,
    ),
  );
}
