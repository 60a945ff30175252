/** A thing that a plan can tell of. */

/** The kinds of things, in the order in which changes are told. */
export const kinds = [
  "link",
  "address",
  "route",
  "rule",
  "neighbour",
  "qdisc",
  "filter",
  "nft",
  "sysctl",
  "file",
] as const;

/** One thing; what is told of it is all that a change of it can be seen by. */
export interface Thing {
  readonly kind: (typeof kinds)[number];
  readonly key: string;
  /** In few words what it is: `10.1.0.2/24 dev eth0`. */
  readonly what: string;
  readonly detail: Detail;
}

/** What is told of a thing, by names that stay. */
export type Detail = Readonly<Record<string, string | number | boolean>>;

/** The name of a link by its index. */
export type NameOf = (index: number) => string;
