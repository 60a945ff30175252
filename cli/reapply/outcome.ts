/** What became of an attachment that was to be mended. */

import type { Attachment } from "../../lib/cni/call.ts";
import type { CniError } from "../../lib/cni/error.ts";

/**
 * `mended`: something of it was made again, or would be; `whole`: nothing of it was missing; `gone`:
 * its container is; `left-alone`: others made it; `failed`: something of it could not be made again.
 */
export type State = "mended" | "whole" | "gone" | "left-alone" | "failed";

/** A part that was not as ADD left it. */
export interface Mended {
  readonly what: string;
  readonly fault: string;
}

export interface Outcome {
  /** Undefined for a file of which nobody can tell whose it is. */
  readonly owner: Attachment | undefined;
  readonly netns: string;
  readonly state: State;
  /** What was made again, or would be, in the order in which that was done. */
  readonly parts: readonly Mended[];
  /** Plugins of its list that were left alone, each with the reason. */
  readonly leftAlone: readonly string[];
  /** Why it is gone or was left alone; "" otherwise. */
  readonly why: string;
  readonly errors: readonly CniError[];
}
