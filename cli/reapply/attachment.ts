/**
 * Mending one attachment: by the list that its ADD had, plugin by plugin, part by part. What is as
 * ADD left it is not touched.
 */

import * as host from "host";
import type { Request } from "../../lib/cni/call.ts";
import type { Defaults } from "../../lib/cni/defaults.ts";
import { requireEnvironment } from "../../lib/cni/environment.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import { isObject, type Json, type JsonObject } from "../../lib/cni/json.ts";
import { mendOf, type Part } from "../../lib/cni/mend.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { keptList, resultForDel } from "../attachment.ts";
import { type Kept, readKept } from "../cache.ts";
import { attachedRequest, deleteAll, inVersion, type Run, typeOf } from "../chain.ts";
import { findList, type NetworkList, requireKnownVersion } from "../list-file.ts";
import { requireNetworkName } from "../list-options.ts";
import { findHome } from "./home.ts";
import type { Mended, Outcome } from "./outcome.ts";
import type { Programs } from "./programs.ts";

/** How attachments are mended. */
export interface How {
  /** The host's namespace. */
  readonly own: Netns;
  /** Where networks are, and where plugins are. */
  readonly directory: string;
  readonly path: string;
  readonly programs: Programs;
  readonly isDry: boolean;
  /** What the node file says for all networks. */
  readonly defaults: Defaults | undefined;
}

/** Mends an attachment that is kept, or tells what would be done. */
export function mendAttachment(kept: Kept, how: How): Outcome {
  const { network, containerID, ifName, result } = kept;
  const owner = { network, containerID, ifName };
  const netns = kept.netns === "" ? sandboxIn(result, ifName) : kept.netns;
  const nothing = { owner, netns, parts: [], leftAlone: [], errors: [], why: "" };
  try {
    requireNetworkName(network);
    const list = listOf(kept, how.directory);
    if (!list.plugins.some((plugin) => mendOf(typeOf(plugin))))
      return { ...nothing, state: "whole" };
    const home = findHome(how.own, owner, netns);
    if (home.state === "gone") return { ...nothing, ...home };
    const isOthers = !home.isMarked && isOfImage(list.plugins[0]);
    if (isOthers) return { ...nothing, state: "left-alone", why: foreign };
    const { args, capabilities } = kept;
    const run = { list, owner, netns, path: how.path, milliseconds: PATIENCE, args, capabilities };
    const gathered = mendBy(run, kept.result, how);
    const isDetached = !how.isDry && gathered.state !== "whole" && !isStillThere(run, how);
    if (!isDetached) return { ...nothing, ...gathered };
    deleteAll(run, resultForDel(run, kept));
    return { ...nothing, state: "gone", why: detached };
  } catch (cause) {
    return { ...nothing, state: "failed", errors: [CniError.from(cause)] };
  }
}

const foreign = "its interface was made by other plugins, not by this suite";

/** How long each plugin may take that is told to DEL, in milliseconds. */
const PATIENCE = 90_000;

/** Why something is gone that was kept a moment ago. */
export const detached = "it was detached meanwhile";

/** Runtimes take no part in our locks: what was made for one that they have deleted is to go again. */
function isStillThere({ owner, netns }: Run, { own }: How): boolean {
  return readKept(owner) !== undefined && findHome(own, owner, netns).state === "there";
}

/** The list that ADD had; where that is not kept, the one that has the network's name now. */
function listOf(kept: Kept, directory: string): NetworkList {
  const list = keptList(kept, directory) ?? findList(directory, kept.network);
  if (list) {
    requireKnownVersion(list);
    return list;
  }
  const state = "its result is kept without a list, and no network has its name";
  throw new CniError(Code.config, `Cannot mend it: ${state}`);
}

/** Older versions of libcni keep no path of the namespace: what was reported tells it. */
function sandboxIn(result: Json | undefined, ifName: string): string {
  const links = isObject(result) && Array.isArray(result.interfaces) ? result.interfaces : [];
  const own = links.filter(isObject).find(({ name, sandbox }) => name === ifName && sandbox);
  return typeof own?.sandbox === "string" ? own.sandbox : "";
}

function isOfImage(plugin: JsonObject | undefined): boolean {
  return plugin !== undefined && host.commands().includes(typeOf(plugin));
}

type Gathered = Pick<Outcome, "state" | "parts" | "leftAlone" | "errors">;

/** All plugins in the order of ADD, whatever fails of one. */
function mendBy(run: Run, result: Json | undefined, how: How): Gathered {
  const parts: Mended[] = [];
  const errors: CniError[] = [];
  const prevResult = inVersion(result ?? null, run.list, run.owner);
  const attempt = (plugin: JsonObject, body: () => void) => {
    try {
      body();
    } catch (cause) {
      const { code, message, details } = CniError.from(cause);
      errors.push(new CniError(code, `plugin "${typeOf(plugin)}": ${message}`, details));
    }
  };
  for (const plugin of run.list.plugins) {
    const mend = mendOf(typeOf(plugin));
    if (!mend || !how.programs(typeOf(plugin))) continue;
    const work = (part: Part) => attempt(plugin, () => parts.push(...mendPart(part, how.isDry)));
    const request = () => ({ ...requestFor(run, plugin, prevResult), defaults: how.defaults });
    attempt(plugin, () => mend(request(), how.own, work));
  }
  const leftAlone = run.list.plugins.flatMap((plugin) => whyLeftAlone(plugin, how.programs));
  const whole = parts.length > 0 ? "mended" : "whole";
  return { state: errors.length > 0 ? "failed" : whole, parts, leftAlone, errors };
}

/** What it was that was not as ADD left it, if anything; it has to be so afterwards. */
function mendPart(part: Part, isDry: boolean): readonly Mended[] {
  const fault = part.fault();
  if (fault === undefined) return [];
  if (isDry) return [{ what: part.what, fault }];
  part.make();
  const left = part.fault();
  if (left === undefined) return [{ what: part.what, fault }];
  throw new CniError(Code.checkFailed, `Cannot mend ${part.what}: it was made again, but ${left}`);
}

function requestFor(run: Run, plugin: JsonObject, prevResult: JsonObject): Request {
  const { config, environment } = attachedRequest(run, plugin, prevResult);
  const { path, list, owner } = run;
  const all = { ...environment, command: "CHECK", path, netnsOverride: false } as const;
  requireEnvironment(all);
  return {
    environment: all,
    stdin: host.encode(JSON.stringify(config)),
    config,
    cniVersion: list.cniVersion === "" ? "0.1.0" : list.cniVersion,
    network: owner.network,
  };
}

/** Plugins of which it is not known what they have on the host. */
function whyLeftAlone(plugin: JsonObject, programs: Programs): readonly string[] {
  const type = typeOf(plugin);
  if (!isOfImage(plugin)) return [`plugin "${type}", which is none of this suite,`];
  const isOthers = mendOf(type) !== undefined && !programs(type);
  return isOthers ? [`plugin "${type}", whose file in CNI_PATH is none of this suite,`] : [];
}
