/**
 * `weft gc`: detaches what is left of containers that are gone. It tells what it would do, and does
 * it with --yes; an attachment that may live is never touched.
 *
 *   kept results ─┐
 *   marked things ┴▶ judged ─▶ gone:  DEL of the list each had, backwards
 *                       └────▶ alive: named to every plugin by GC, from 1.1.0
 */

import type { Step } from "../lib/cni/undo.ts";
import { asMuchAsPossible } from "../lib/cni/undo.ts";
import { isAtLeast } from "../lib/cni/version.ts";
import { keptList, listIfAny, listOf } from "./attachment.ts";
import { attachmentsOf, type Found, type Judged } from "./attachments.ts";
import { runOfNetwork } from "./chain.ts";
import { detach } from "./del.ts";
import type { NetworkList } from "./list-file.ts";
import type { Wanted } from "./list-options.ts";
import { alone, besideOthers } from "./locks.ts";
import { type Tell, withProgress } from "./progress.ts";

/** What is said of it: for programs, and for people. */
export interface Report {
  readonly json: unknown;
  readonly lines: readonly string[];
}

/** Tells of a network's attachments, and detaches those that are gone if that is wanted. */
export function gc(wanted: Wanted): Report {
  const list = listIfAny(wanted);
  const network = list?.name ?? wanted.network;
  if (list?.disableGC) return { json: [], lines: [`network "${network}" says disableGC`] };
  const look = () => {
    const found = attachmentsOf(network, list);
    if (!list && found.attachments.length === 0) listOf(wanted);
    return found;
  };
  if (!wanted.isYes) return besideOthers(() => reportOf(look(), false));
  return alone(() => {
    const found = look();
    const gone = found.attachments.filter(({ isAlive }) => !isAlive);
    const steps = [
      ...gone.map((each) => detaching(wanted, each, list)),
      ...collecting(wanted, list),
    ];
    withProgress((tell) => asMuchAsPossible(...told(steps, tell)));
    return reportOf(found, true);
  });
}

/** Steps that are told of when they begin: `2 of 9: detach "eth0" of container "6f2c11"`. */
function told(steps: readonly Step[], tell: Tell): readonly Step[] {
  return steps.map(([what, run], i) => [
    what,
    () => {
      tell(`${i + 1} of ${steps.length}: ${what}`);
      run();
    },
  ]);
}

function detaching(wanted: Wanted, { owner, kept }: Judged, list: NetworkList | undefined): Step {
  const what = `detach "${owner.ifName}" of container "${owner.containerID}"`;
  const asKept = { ...wanted, netns: "", args: undefined, capabilities: undefined };
  return [
    what,
    () => {
      const own = keptList(kept, wanted.directory) ?? list ?? listOf(wanted);
      detach(asKept, { list: own, owner, kept });
    },
  ];
}

/** GC of every plugin. Whoever lives is asked for anew: others may have attached meanwhile. */
function collecting(wanted: Wanted, list: NetworkList | undefined): readonly Step[] {
  if (!list || !isAtLeast(list.cniVersion, "1.1.0")) return [];
  const { path, milliseconds } = wanted;
  return list.plugins.map((plugin) => [
    `GC of plugin "${String(plugin.type)}"`,
    () => {
      const { attachments, nameless } = attachmentsOf(list.name, list);
      if (nameless.length > 0) return;
      const keys = validKeys(attachments);
      runOfNetwork({ list, path, milliseconds }, plugin, { command: "GC", keys });
    },
  ]);
}

/** An earlier text of the specification had the second key. */
function validKeys(attachments: readonly Judged[]) {
  const valid = attachments
    .filter(({ isAlive }) => isAlive)
    .map(({ owner: { containerID, ifName } }) => ({ containerID, ifname: ifName }));
  return { "cni.dev/valid-attachments": valid, "cni.dev/attachments": valid };
}

function reportOf({ attachments, nameless }: Found, isDone: boolean): Report {
  const gone = attachments.filter(({ isAlive }) => !isAlive);
  const json = attachments.map(({ owner, kept, isAlive, why }) => {
    return { ...owner, netns: kept?.netns ?? "", isAlive, why };
  });
  const verb = isDone ? "detached" : "would detach";
  const lines = attachments.map(({ owner, isAlive, why }) => {
    const words = `${owner.ifName} of container ${owner.containerID}: ${why}`;
    return `${isAlive ? "keeps" : verb} ${words}`;
  });
  const left = `left alone, since nobody can tell whose it is: ${nameless.join(", ")}`;
  const advice = `nothing was changed: ${gone.length} would go with --yes`;
  return {
    json,
    lines: [...lines, ...(nameless.length > 0 ? [left] : []), ...(isDone ? [] : [advice])],
  };
}
