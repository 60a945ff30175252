/** The file in which an attachment's former values are kept, and whether they are of a namespace. */

import type { Attachment } from "../../lib/cni/call.ts";
import { findHostEnd } from "../../lib/cni/host-end.ts";
import type { Result } from "../../lib/cni/result.ts";
import { findLink } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { compareNetns, identifyNetns } from "../../lib/net/netns-identity.ts";
import { type Backup, deleteBackup, readBackup, writeBackup } from "../../lib/state/backup.ts";
import { backupOf, type Former } from "./former.ts";

/** A file's name, and what is in it if it is there and can be understood. */
export interface Kept {
  readonly name: string;
  readonly backup: Backup | undefined;
}

/**
 * The names that an attachment's file may have, the one that it is given first. The reference
 * plugin's, `a_b_c.json`, is that of one attachment only if no container ID has a `_`; neither a
 * container ID nor a link's name can have a colon.
 */
function namesOf({ containerID, ifName }: Attachment): readonly string[] {
  const names = [`${containerID}_${ifName}.json`, `${containerID}:${ifName}.json`];
  return containerID.includes("_") ? names.reverse() : names;
}

/** The attachment's file, or the one to make: never one that names another attachment. */
export function findKept(dataDir: string, attachment: Attachment): Kept {
  const all = namesOf(attachment).map((name) => ({
    name,
    backup: readBackup(`${dataDir}/${name}`),
  }));
  const isFree = ({ backup }: Kept) => backup === undefined || isOf(backup, attachment);
  const own = all.find((each) => each.backup && isFree(each));
  return own ?? all.find(isFree) ?? { name: namesOf(attachment)[0] ?? "", backup: undefined };
}

/** The reference plugin's do not name an attachment: their file does. */
function isOf({ containerID, ifName }: Backup, attachment: Attachment): boolean {
  const isSame = (found: unknown, own: string) => found === undefined || found === own;
  return isSame(containerID, attachment.containerID) && isSame(ifName, attachment.ifName);
}

interface Namespaces {
  readonly host: Netns;
  readonly container: Netns;
}

/** A call as far as it tells whose a namespace is. */
interface Caller {
  readonly attachment: Attachment;
  readonly prevResult: Result | undefined;
}

/**
 * True if former values are of this namespace. Where a file does not say, as the reference's, or
 * the kernel has no cookies, the link decides: a namespace where it is another pod's is that pod's.
 */
export function isOfNamespace(
  { netns }: Backup,
  caller: Caller,
  { host, container }: Namespaces,
): boolean {
  const answer = compareNetns(netns, identifyNetns(container));
  if (answer !== "unsure") return answer === "same";
  const inside = findLink(container, caller.attachment.ifName);
  const end = inside && findHostEnd(caller, host, inside);
  return end === undefined || end.isOwn;
}

/** The attachment's file: what it has of this namespace, and a way to put that back, or more. */
export interface Keeper {
  readonly before: Backup | undefined;
  readonly keep: (former: Former) => void;
  readonly putBack: () => void;
}

/** What is kept of another namespace, which is gone or will be, is no former value of this one. */
export function keeperFor(dataDir: string, call: Caller, spaces: Namespaces): Keeper {
  const { attachment } = call;
  const { name, backup } = findKept(dataDir, attachment);
  const before = backup && isOfNamespace(backup, call, spaces) ? backup : undefined;
  const netns = identifyNetns(spaces.container);
  const write = (content: Backup) => writeBackup(dataDir, name, content);
  return {
    before,
    keep: (former) => write(backupOf(attachment, netns, former)),
    putBack: () => (before ? write(before) : deleteBackup(`${dataDir}/${name}`)),
  };
}
