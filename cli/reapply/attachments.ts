/**
 * The attachments that are mended: those that are kept, one by one. What is kept of none, or cannot
 * be read, is named.
 */

import * as host from "host";
import type { Attachment } from "../../lib/cni/call.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import { findNodeFile } from "../../lib/cni/node-file.ts";
import { listLinks } from "../../lib/net/link.ts";
import { type Netns, ownNetns } from "../../lib/net/netns.ts";
import { ownerInAlias } from "../../lib/net/owner.ts";
import { type Kept, listKept, listStrange, readKept, type Strange } from "../cache.ts";
import { findList } from "../list-file.ts";
import { forContainer, lookingAtContainer } from "../locks.ts";
import { withProgress } from "../progress.ts";
import { detached, mendAttachment } from "./attachment.ts";
import type { Outcome } from "./outcome.ts";
import { programsIn } from "./programs.ts";

/** What is to be mended, and how. */
export interface Wanted {
  /** Undefined for all. */
  readonly network: string | undefined;
  /** True if it is only told what would be done. */
  readonly isDry: boolean;
  /** Where networks are, and where plugins are, as NETCONFPATH and CNI_PATH say. */
  readonly directory: string;
  readonly path: string;
}

/** Mends all attachments of a network, or of all; what fails of one does not stop the others. */
export function reapply(wanted: Wanted): readonly Outcome[] {
  if (host.getuid() !== 0) {
    throw new CniError(
      Code.system,
      "Cannot reapply: it takes root to read what is kept, and to mend",
    );
  }
  const { network } = wanted;
  const isMeant = (each: Attachment) => network === undefined || each.network === network;
  const all = listKept();
  const own = ownNetns();
  const unreadable = unreadableFiles(network);
  const unkept = listUnkept(own, all).filter(isMeant);
  const meant = all.filter(isMeant);
  if (meant.length + unreadable.length + unkept.length === 0) requireNetwork(wanted);
  const { directory, isDry, path } = wanted;
  const how = { own, directory, isDry, path, defaults: findNodeFile()?.defaults };
  const programs = programsIn(wanted.path);
  const mended = withProgress((tell) =>
    meant.map((kept, i) => {
      tell(`${i + 1} of ${meant.length}: ${kept.ifName} of container ${kept.containerID}`);
      return mendOne(kept, { ...how, programs });
    }),
  );
  return [...mended, ...unkept.map(outcomeOfUnkept), ...unreadable.map(outcomeOfFile)];
}

type How = Parameters<typeof mendAttachment>[1];

/** While nothing else is done for the container; it may have been detached before that. */
function mendOne(listed: Kept, how: How): Outcome {
  const within = how.isDry ? lookingAtContainer : forContainer;
  return within(listed.containerID, () => {
    const kept = readKept(listed);
    if (kept) return mendAttachment(kept, how);
    return { ...nothingOf(listed), state: "gone", why: detached };
  });
}

function nothingOf({ network, containerID, ifName }: Attachment) {
  const owner = { network, containerID, ifName };
  return { owner, netns: "", parts: [], leftAlone: [], errors: [] };
}

/** Host ends of attachments that nothing is kept of: a runtime may be making one at this moment. */
function listUnkept(own: Netns, kept: readonly Kept[]): readonly Attachment[] {
  const known = new Set(kept.map(keyOf));
  const owners = listLinks(own).flatMap(({ kind, alias }) =>
    kind === "veth" ? (ownerInAlias(alias) ?? []) : [],
  );
  return owners.filter((owner) => !known.has(keyOf(owner)));
}

function keyOf({ network, containerID, ifName }: Attachment): string {
  return `${network} ${containerID} ${ifName}`;
}

function outcomeOfUnkept(owner: Attachment): Outcome {
  const why = "its host end is there, but no result of it is kept that tells how to mend it";
  return { ...nothingOf(owner), state: "left-alone", why };
}

/** Files that may be of a network, by their names: a name that begins alike may be another's. */
function unreadableFiles(network: string | undefined): readonly Strange[] {
  if (network === undefined) return listStrange();
  return listStrange((name) => ["-", "+"].some((mark) => name.startsWith(network + mark)));
}

function outcomeOfFile({ path, state }: Strange): Outcome {
  const whole = `${state}; delete it if its container is gone`;
  const error = new CniError(Code.decode, `Cannot read "${path}": ${whole}`);
  const nothing = { netns: "", parts: [], leftAlone: [], why: "" };
  return { ...nothing, owner: undefined, state: "failed", errors: [error] };
}

/** A name that nobody knows is a mistake. */
function requireNetwork({ network, directory }: Wanted): void {
  if (network === undefined || findList(directory, network)) return;
  const state = `nothing is kept of it, and no file in "${directory}" has that name`;
  throw new CniError(Code.config, `Cannot reapply network "${network}": ${state}`);
}
