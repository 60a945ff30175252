/** Ports of this host that lead to containers: those whose holder is gone, and who else listens. */

import { listenersBehind, listMappedPorts } from "../filter/mapped-ports.ts";
import type { Netns } from "../net/netns.ts";

/** A port in words, and who has it. */
export interface HostPortState {
  /** `tcp port 8080` */
  readonly what: string;
  readonly whose: string;
  /** True if it is certain that who has it is no more. */
  readonly isGone: boolean;
  /** Programs of this host that are cut off by it, each in a sentence. */
  readonly listeners: () => readonly string[];
}

/** All of them; what listens is asked for when it is wanted. */
export function hostPortStates(host: Netns): readonly HostPortState[] {
  return listMappedPorts(host).map((mapped) => {
    const { what, whose, isGone } = mapped;
    return { what, whose, isGone, listeners: () => listenersBehind(host, mapped) };
  });
}
