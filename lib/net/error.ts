/** What the net layer itself refuses, before or instead of the kernel. */

/** `conflict`: something else is in the place; `unsupported`: this kernel or host cannot do it. */
export class NetError extends Error {
  readonly kind: "conflict" | "unsupported";

  constructor(kind: "conflict" | "unsupported", message: string) {
    super(message);
    this.name = "NetError";
    this.kind = kind;
  }
}
