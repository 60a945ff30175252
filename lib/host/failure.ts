/** What fails below the protocol, in the words of its own layer. */

/**
 * Who failed: a `system` call, the `kernel` by netlink, or a `program`; or why nobody was asked:
 * something else is in the place (`conflict`), this host cannot do it (`unsupported`), another
 * process is at it (`busy`), or it is no `namespace`.
 */
export type FailureKind =
  | "system"
  | "kernel"
  | "program"
  | "conflict"
  | "unsupported"
  | "busy"
  | "namespace";

/** What is known of a failure besides its message. */
interface More {
  readonly errno?: number | undefined;
  readonly details?: string | undefined;
  readonly settled?: boolean | undefined;
}

/** What every error of the layers below lib/cni is, which gives each kind its code. */
export class Failure extends Error {
  readonly kind: FailureKind;
  /** The kernel's error number; 0 if it was not asked. */
  readonly errno: number;
  /** Further words for people; "" if there are none. */
  readonly details: string;
  /** False if what was tried may have been done all the same. */
  readonly settled: boolean;

  constructor(kind: FailureKind, message: string, more: More = {}) {
    super(message);
    this.name = "Failure";
    this.kind = kind;
    this.errno = more.errno ?? 0;
    this.details = more.details ?? "";
    this.settled = more.settled ?? true;
  }
}
