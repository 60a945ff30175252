/**
 * `weft del`: detaches. Every plugin gets its DEL, the last one first, whatever fails; what is kept
 * of the attachment goes when all have succeeded.
 */

import { type Known, keptList, laterRun, listOf, ownerOf, resultForDel } from "./attachment.ts";
import { deleteKept, readKept } from "./cache.ts";
import { deleteAll } from "./chain.ts";
import { requireNetworkName, type Wanted } from "./list-options.ts";
import { forContainer } from "./locks.ts";

/** Deletes an attachment, also one that nothing is known of; throws one error that names all. */
export function del(wanted: Wanted): void {
  const named = wanted.file === undefined ? undefined : listOf(wanted);
  const network = named?.name ?? wanted.network;
  requireNetworkName(network);
  const owner = ownerOf(wanted, network, "DEL");
  forContainer(owner.containerID, () => {
    const kept = readKept(owner);
    const list = named ?? keptList(kept, wanted.directory) ?? listOf(wanted);
    detach(wanted, { list, owner, kept });
  });
}

/** Runs DEL for an attachment and forgets it; the caller sees to it that nothing else is run. */
export function detach(wanted: Wanted, { list, owner, kept }: Known): void {
  const run = laterRun(wanted, { list, owner, kept });
  deleteAll(run, resultForDel(run, kept));
  deleteKept(owner);
}
