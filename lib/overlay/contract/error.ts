/** What cannot be used of the files by which hosts are joined, in words of its own. */

/** Something that is written and cannot be used. */
export class ContractError extends Error {
  /** Where it is: `peers[3]`, `"/run/weft/pods/node.json"`. */
  readonly path: string;
  /** What is there; undefined where the message says all. */
  readonly found: unknown;

  constructor(path: string, state: string, found?: unknown) {
    super(`Cannot use ${path}: ${state}`);
    this.name = "ContractError";
    this.path = path;
    this.found = found;
  }
}

/** A value under a key that is not what is expected there. */
export class ValueError extends ContractError {
  /** What it must be: `a subnet like 10.244.0.0/16`. */
  readonly expected: string;

  constructor(path: string, expected: string, found: unknown) {
    super(path, `it must be ${expected}`, found);
    this.name = "ValueError";
    this.expected = expected;
  }
}
