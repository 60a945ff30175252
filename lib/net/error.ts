/** What the net layer itself refuses, before or instead of the kernel. */

import { Failure } from "../host/failure.ts";

/** `conflict`: something else is in the place; `unsupported`: this kernel or host cannot do it. */
export class NetError extends Failure {
  constructor(kind: "conflict" | "unsupported", message: string) {
    super(kind, message);
    this.name = "NetError";
  }
}
