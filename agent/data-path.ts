/** What leads packets to other hosts, as the agent's life sees it: by vxlan or by routes only. */

import type { Interest, KernelEvent } from "../lib/overlay/watch.ts";
import type { HostHealth } from "./health.ts";
import type { Changes, Members } from "./members.ts";

/** What was made right. */
export interface Made {
  /** What the containers' packets may measure. */
  readonly mtu: number;
  /** What keeps hosts from being reached, in words, but for members that are left out. */
  readonly limits: readonly string[];
}

/** The way to the other hosts, by one backend. */
export interface DataPath {
  /**
   * Makes the kernel equal to what is known of the hosts; undefined: sets what the files say and is
   * missing, since an agent that was killed may have known more. Throws what CniError can be made
   * of; then what was right stays.
   */
  makeRight(members: Members | undefined): Made;
  /** Sends single changes; false if all must be compared instead. Throws as `makeRight` does. */
  change(changes: Changes): boolean;
  /** False if something is missing, as far as little tells. */
  seemsRight(): boolean;
  /** Writes who the hosts are, and marks the kernel as equal to that; false if nothing was right yet. */
  writePeers(members: Members): boolean;
  /** Whose changes in the kernel count. */
  interest(): Interest;
  /** True if an event tells of what this process has just done itself. */
  isOwn(event: KernelEvent): boolean;
  /** True if there may be such events. */
  readonly hasOwn: boolean;
  /** From now on nothing is one's own doing. */
  forgetOwn(): void;
  /** What this host has, for people; undefined before anything was right. */
  health(): HostHealth | undefined;
}
