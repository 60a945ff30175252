/**
 * Whether an attachment that has something on this host still lives: then nobody else gets it.
 *
 * A thing stays behind if a container's namespace vanishes and nobody calls DEL, and its place must
 * be free for whoever comes next. Its owner lives as long as one of these is there:
 *
 *   a link whose alias names the owner     what this suite attached
 *   a veth that was noted with the thing   what others attached, if the result named the veth
 *   the namespace that was noted           whatever attached it: its path, with the same inode
 *
 * A note is one line, `veth1,veth2 /run/netns/box 4026532345`, with "-" for what is not known.
 */

import { closeFile } from "../host/file.ts";
import { descriptorStatus } from "../host/file-status.ts";
import { NetError } from "./error.ts";
import { type Link, listLinks } from "./link.ts";
import { type Netns, NetnsError, openNetns } from "./netns.ts";
import { mayBeAliasOf, nameOwner, type Owner } from "./owner.ts";

const NOTHING = "-";
/** So many links are noted: a result names the bridge and a veth, and few others. */
const NOTED = 4;

/** What to note of an attachment, by the names of its links on the host, and its namespace. */
export function holderNote(links: readonly string[], { fd, path }: Netns): string {
  const names = links.filter(isPlain).slice(0, NOTED).join(",") || NOTHING;
  if (fd < 0 || !isPlain(path)) return `${names} ${NOTHING} ${NOTHING}`;
  return `${names} ${path} ${descriptorStatus(fd).inode}`;
}

/** Words with blanks, and what ends quotes, cannot be noted; commas are between names. */
function isPlain(word: string): boolean {
  return /^[!#-+\--[\]-~]+$/.test(word);
}

/** A thing of an owner: the text that names it, and what is noted. */
export interface Held {
  readonly comment: string;
  readonly holder: string | undefined;
}

/** Tells of things whether their owner lives; the links are listed once. */
export function livingFinder(host: Netns): (held: Held) => boolean {
  let links: readonly Link[] | undefined;
  const known = new Map<string, boolean>();
  return ({ comment, holder = "" }) => {
    const key = `${comment}\n${holder}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    links ??= listLinks(host);
    const [names = NOTHING, netns = NOTHING, inode = NOTHING] = holder.split(" ");
    const noted = names.split(",");
    const hasLink = links.some(
      ({ name, kind, alias }) =>
        mayBeAliasOf(alias, comment) || (kind === "veth" && noted.includes(name)),
    );
    const isLiving = hasLink || (netns !== NOTHING && isNamespace(netns, inode));
    known.set(key, isLiving);
    return isLiving;
  };
}

/** What cannot be looked at may be one. */
function isNamespace(path: string, inode: string): boolean {
  try {
    const { fd } = openNetns(path);
    const now = String(descriptorStatus(fd).inode);
    closeFile(fd);
    return inode === NOTHING || inode === now;
  } catch (cause) {
    return !(cause instanceof NetnsError);
  }
}

/** That something is not to be had, since another attachment has it and lives. */
export function heldByAnother({ ifName }: Owner, what: string, { comment }: Held): NetError {
  const holder = nameOwner(comment);
  return new NetError(
    "conflict",
    `Cannot take ${what} for "${ifName}": it is in use by ${holder}, which still exists; ` +
      "choose another address, or end that attachment by its DEL, or by GC of its network",
  );
}
