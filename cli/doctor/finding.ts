/** What `weft doctor` says of a host: one thing that it looked at, what it means, and what to do. */
export interface Finding {
  /** A plain name that stays: `forward-policy`. */
  readonly id: string;
  /** An error keeps containers from working, a warning may, a note is worth to be known. */
  readonly level: "error" | "warning" | "note";
  /** What is the case, in one sentence with the names of things. */
  readonly finding: string;
  /** What to do, in one sentence that begins with a verb; a command where there is one. */
  readonly advice: string;
}

/** What all checks look at; each is asked for once. */
export interface Examined {
  /** Directories of networks and plugins, as NETCONFPATH and CNI_PATH say. */
  readonly netconfPath: string;
  readonly cniPath: readonly string[];
}

/** One kind of fault, in a file of its own: `doctor/<id>.ts`. It changes nothing and never throws for what it cannot see. */
export type Check = (examined: Examined) => readonly Finding[];
