/**
 * What is said of a command, once: its help, its man page and its completion are made of this. Every
 * command has its page in `pages/<command>.ts`.
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
}

export interface Option {
  /** Its spellings, with what follows: `--ifname NAME, -i NAME`. */
  readonly flags: string;
  readonly what: string;
  /** What a shell offers behind it. */
  readonly values?: "file" | "directory" | "network" | "netns" | undefined;
}

export interface Example {
  readonly command: string;
  readonly what: string;
}
