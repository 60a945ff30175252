/**
 * What an attachment has on the host beside its links, part by part: each can be looked at, and made
 * again where somebody has flushed it. A plugin that has such parts has a cold module
 * `<plugin>-mend.lazy.ts`, whose export `mend` is made here.
 */

import { lazily } from "../host/lazy.ts";
import { closeNetns } from "../net/close-netns.ts";
import type { Netns } from "../net/netns.ts";
import type { Chained, CheckCall, Request } from "./call.ts";
import { checkCall, type PluginBase, spelledRequest } from "./calls.ts";
import { openContainer } from "./container-netns.ts";
import { configError } from "./error.ts";

/** One part: `masquerade of 10.1.2.3`. */
export interface Part {
  readonly what: string;
  /** What is wrong with it, in words; undefined if it is as ADD left it. */
  readonly fault: () => string | undefined;
  /** Makes it as ADD did, whatever of it is there. Nothing that packets go by is missing meanwhile. */
  readonly make: () => void;
}

/** What is done with each part, in the order of ADD. */
export type Work = (part: Part) => void;

/** Goes through the parts of one plugin on a host, for a request as CHECK gets it. */
export type Mend = (request: Request, host: Netns, work: Work) => void;

/** An attachment as it was reported. */
export type Made<C> = Chained<CheckCall<C>>;

/** Both namespaces of an attachment. */
export interface Sides {
  readonly host: Netns;
  readonly container: Netns;
}

/** The parts of one attachment, from its configuration and its result. */
export type PartsOf<C> = (call: Made<C>, sides: Sides) => readonly Part[];

/** The export `mend` of a plugin's cold module. */
export function mending<C>(plugin: PluginBase<C>, partsOf: PartsOf<C>): Mend {
  return (request, host, work) => {
    const call = madeCall(plugin, request);
    const container = openContainer(request, host);
    try {
      for (const part of partsOf(call, { host, container })) work(part);
    } finally {
      if (container !== host) closeNetns(container);
    }
  };
}

/** The call of an attachment that was made; throws without the result of its ADD. */
export function madeCall<C>(plugin: PluginBase<C>, request: Request): Made<C> {
  const call = checkCall(plugin, spelledRequest(plugin, request));
  const { prevResult } = call;
  if (!prevResult) throw configError("prevResult", "what ADD reported", undefined);
  return { ...call, prevResult };
}

/** The plugins that have something on the host beside links. */
const withParts = [
  "bandwidth",
  "bridge",
  "firewall",
  "flannel",
  "policy",
  "portmap",
  "ptp",
  "vxlan-overlay",
] as const;

/** How the parts of a plugin are gone through; undefined if it has none. */
export function mendOf(type: string): Mend | undefined {
  if (!withParts.some((name) => name === type)) return undefined;
  return lazily<{ readonly mend: Mend }>(`${type}-mend`).mend;
}
