/** An attachment that is there already is an error of ADD, and stays as it is. */

import type { AddCall } from "../cni/call.ts";
import { CniError, Code } from "../cni/error.ts";
import { findLink } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";

/** Throws code 103 if the container has a link of this name, whoever made it. */
export function requireFreeName(call: AddCall<unknown>, container: Netns): void {
  if (findLink(container, call.attachment.ifName)) throw nameTaken(call);
}

/** The error of an ADD whose link has a name that is taken. */
export function nameTaken(call: AddCall<unknown>): CniError {
  return existing(call, "an interface of this name already exists");
}

/** The error of an ADD that finds something in its place. */
export function existing({ attachment, netns }: AddCall<unknown>, state: string): CniError {
  const what = `Cannot create interface "${attachment.ifName}" in "${netns}"`;
  return new CniError(Code.conflict, `${what}: ${state}`);
}
