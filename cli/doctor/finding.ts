/** What `weft doctor` says of a host: one thing that it looked at, what it means, and what to do. */

import type { LinkAddress } from "../../lib/net/every-address.ts";
import type { Link } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import type { TableRoute } from "../../lib/net/table.ts";
import type { Kept } from "../cache.ts";
import type { FoundList } from "../list-file.ts";
import type { Runtimes } from "./runtimes.ts";

export interface Finding {
  /** A plain name that stays: `forward-policy`. */
  readonly id: string;
  /** An error keeps containers from working, a warning may, a note is worth to be known. */
  readonly level: "error" | "warning" | "note";
  /** What is the case: a sentence with the names of things, without a full stop. */
  readonly finding: string;
  /** What to do: a sentence that begins with a verb, without a full stop; a command where there is one. */
  readonly advice: string;
}

/** What all checks look at; each is asked for once, when the first check wants it. */
export interface Examined {
  /** Directories of networks and plugins, as NETCONFPATH and CNI_PATH say. */
  readonly netconfPath: string;
  readonly cniPath: readonly string[];
  /** The namespace that is looked at: this process's own. */
  readonly host: Netns;
  readonly isRoot: boolean;
  /** The files of the directory of networks by their names, also those that cannot be used. */
  readonly lists: readonly FoundList[];
  /** The programs that run lists here, by their configurations. */
  readonly runtimes: Runtimes;
  /** All links, with `routeLocalnet` and `acceptRa`. */
  readonly links: readonly Link[];
  readonly addresses: readonly LinkAddress[];
  /** Of all tables but the kernel's own, of IPv4 and IPv6. */
  readonly routes: readonly TableRoute[];
  /** What is kept of attachments, by whatever runtime. */
  readonly kept: readonly Kept[];
  /** The value of a sysctl by its path below /proc/sys, `net/ipv4/ip_forward`; undefined if there is none. */
  sysctl(path: string): string | undefined;
}

/**
 * One kind of fault, in a file of its own: `doctor/<id>.ts`. It changes nothing. What it cannot see it
 * leaves out or throws: then it is said that it could not look, and why.
 */
export type Check = (examined: Examined) => readonly Finding[];
