/**
 * What is said of a command, once: its help, its man page and its completion are made of this. Every
 * command has its page in `pages/<command>.ts`, and its place in `pages/all.ts`.
 */
export interface Page {
  /** The command, as `ps`, or `ipam ls`. */
  readonly name: string;
  /** How it is called, a line for each way: `weft ps [NETWORK] [--json]`. */
  readonly synopsis: readonly string[];
  /** What it does, in one line without a full stop: `lists the attachments of this host`. */
  readonly summary: string;
  /** More of it, one text a paragraph. */
  readonly text: readonly string[];
  readonly options: readonly Option[];
  readonly examples: readonly Example[];
  /** What it takes from the environment. */
  readonly variables?: readonly Variable[] | undefined;
  /** When it ends with 0, 1 and 2, if that is not as usual (`usualStatus`). */
  readonly status?: string | undefined;
}

export interface Option {
  /** Its spellings, with what follows: `--ifname NAME, -i NAME`. */
  readonly flags: string;
  readonly what: string;
  /** What a shell offers behind it: a kind of things, or words; else the word in `flags` tells. */
  readonly values?:
    | "file"
    | "directory"
    | "network"
    | "netns"
    | "container"
    | readonly string[]
    | undefined;
}

export interface Example {
  readonly command: string;
  readonly what: string;
}

export interface Variable {
  readonly name: string;
  readonly what: string;
}

/** What commands end with. */
export const usualStatus = "0 if all is well, 1 if there is an error, 2 for wrong usage.";
