/**
 * Whose a rule of iptables is, and where its owner is found: two comments, of which the second is
 * a note as holder.ts has it. Rules of earlier versions have the first alone.
 *
 *   -m comment --comment "net 6f2c… eth0" -m comment --comment "at veth1 /run/netns/box 40265"
 */

import type { Held } from "../../net/holder.ts";
import { RULE_COMMENT_SIZE } from "../../net/owner.ts";
import { comment, type Rule } from "./rule.ts";

/** The comments of an owner's rule; a note that is too long is left out. */
export function ruleMark({ comment: text, holder }: Held): string {
  const note = `at ${holder}`;
  const hasNote = holder !== undefined && note.length <= RULE_COMMENT_SIZE;
  return hasNote ? `${comment(text)} ${comment(note)}` : comment(text);
}

/** Whose a rule is, and what is noted; undefined if it has no comment. */
export function heldBy({ comments: [comment, note] }: Rule): Held | undefined {
  if (comment === undefined) return undefined;
  return { comment, holder: note?.startsWith("at ") ? note.slice("at ".length) : undefined };
}

/** The line of a rule as it were without a note. */
export function withoutNote(line: string): string {
  return line.replace(/ -m comment --comment "at [^"]*"/, "");
}
