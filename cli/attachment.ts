/** From what is asked for to a list and the attachment it is run for. */

import type { Attachment } from "../lib/cni/call.ts";
import { requireEnvironment } from "../lib/cni/environment.ts";
import { CniError, Code } from "../lib/cni/error.ts";
import { isAtLeast } from "../lib/cni/version.ts";
import type { Kept } from "./cache.ts";
import { inVersion, type Run } from "./chain.ts";
import {
  findList,
  listFromText,
  type NetworkList,
  readList,
  requireKnownVersion,
} from "./list-file.ts";
import { requireNetworkName, type Wanted } from "./list-options.ts";

/** The network that is asked for; throws if no file has its name. */
export function listOf(wanted: Wanted): NetworkList {
  const list = listIfAny(wanted);
  if (list) {
    requireKnownVersion(list);
    return list;
  }
  const state = `no file in "${wanted.directory}" has that name`;
  throw new CniError(Code.config, `Cannot find network "${wanted.network}": ${state}`);
}

/** The same; undefined if there is none. */
export function listIfAny(wanted: Wanted): NetworkList | undefined {
  const { file, network, directory } = wanted;
  if (network !== "") requireNetworkName(network);
  if (file === undefined) return findList(directory, network);
  const list = readList(file);
  requireNetworkName(list.name);
  if (network === "" || network === list.name) return list;
  const state = `it is of network "${list.name}", not "${network}"`;
  throw new CniError(Code.config, `Cannot use "${file}": ${state}`);
}

/** The attachment that is asked for in a network; throws for names that are none. */
export function ownerOf(wanted: Wanted, network: string, command: "ADD" | "CHECK" | "DEL") {
  const { containerID, ifName, netns } = wanted;
  requireEnvironment({
    ...{ command, containerID, ifName, netns: netns === "" && command !== "ADD" ? "known" : netns },
    ...{ args: "", path: "", netnsOverride: false },
  });
  return { network, containerID, ifName };
}

/** A run for a new attachment. */
export function newRun(wanted: Wanted, list: NetworkList, owner: Attachment): Run {
  const { netns, args, capabilities, path, milliseconds, observe, variables } = wanted;
  return { list, owner, netns, args, capabilities, path, milliseconds, observe, variables };
}

/** An attachment, what is kept of it, and the list that is run for it. */
export interface Known {
  readonly list: NetworkList;
  readonly owner: Attachment;
  readonly kept: Kept | undefined;
}

/** A run for one that may be kept: what is not given is as ADD had it. */
export function laterRun(wanted: Wanted, { list, owner, kept }: Known): Run {
  const run = newRun(wanted, list, owner);
  if (!kept) return run;
  return {
    ...run,
    netns: run.netns === "" ? kept.netns : run.netns,
    args: run.args ?? kept.args,
    capabilities: run.capabilities ?? kept.capabilities,
  };
}

/** The list that an attachment was made with; undefined if that is not known. */
export function keptList(kept: Kept | undefined, directory: string): NetworkList | undefined {
  const list = kept && listFromText(kept.text, directory);
  return list?.name === kept?.network ? list : undefined;
}

/** What DEL tells plugins of the result: nothing before 0.4.0, or if it cannot be used. */
export function resultForDel({ list, owner }: Run, kept: Kept | undefined) {
  if (kept?.result === undefined || !isAtLeast(list.cniVersion, "0.4.0")) return undefined;
  try {
    return inVersion(kept.result, list, owner);
  } catch {
    return undefined;
  }
}
