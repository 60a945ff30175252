/**
 * `weft add`: attaches a namespace to a network. All of its plugins are run, or what was made is
 * taken back; the result is kept for CHECK and DEL.
 */

import { CniError, Code } from "../lib/cni/error.ts";
import type { JsonObject } from "../lib/cni/json.ts";
import { closeFile } from "../lib/host/file.ts";
import { openNetns } from "../lib/net/netns.ts";
import { listOf, newRun, ownerOf } from "./attachment.ts";
import { keptOfInterface, prepareKeeping, writeKept } from "./cache.ts";
import { addAll, deleteAll, type Run } from "./chain.ts";
import type { Wanted } from "./list-options.ts";
import { forContainer } from "./locks.ts";

/** Makes an attachment and returns its result; throws CniError, and then nothing of it is left. */
export function add(wanted: Wanted): JsonObject {
  const list = listOf(wanted);
  const owner = ownerOf(wanted, list.name, "ADD");
  closeFile(openNetns(wanted.netns).fd);
  const run = newRun(wanted, list, owner);
  return forContainer(owner.containerID, () => {
    requireNew(run);
    prepareKeeping(owner);
    return orTakeBack(run, () => {
      const result = addAll(run);
      const { netns, args, capabilities } = run;
      writeKept({ ...owner, netns, text: list.text, args, capabilities, result });
      return result;
    });
  });
}

/** An interface of a container is added once until it is deleted. */
function requireNew({ owner }: Run): void {
  const [other] = keptOfInterface(owner);
  if (!other) return;
  const what = `interface "${owner.ifName}" of container "${owner.containerID}"`;
  const state = `it is attached to network "${other.network}" already; delete that first`;
  throw new CniError(Code.conflict, `Cannot add ${what}: ${state}`);
}

/** After a failed ADD every plugin gets a DEL, also those that were not reached. */
function orTakeBack<T>(run: Run, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    const error = CniError.from(cause);
    try {
      deleteAll(run, undefined);
    } catch (also) {
      throw error.plus([CniError.from(also)]);
    }
    throw error;
  }
}
