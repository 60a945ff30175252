/**
 * Where a lease is used: a link of a container. Its namespace is opened for what has to be done there
 * and closed again, since whoever holds it open keeps it, and its links, from ever going away.
 */

import { closeFile } from "../../lib/host/file.ts";
import { type Netns, NetnsError, openNetns } from "../../lib/net/netns.ts";
import { compareNetns, identifyNetns, type NetnsIdentity } from "../../lib/net/netns-identity.ts";

/** A link by its index, which it keeps when it is renamed, in a namespace that a path leads to. */
export interface Place {
  readonly netns: string;
  readonly identity: NetnsIdentity;
  readonly index: number;
}

/** Throws NetnsError if the path leads to no namespace; it is closed when `body` ends. */
export function withNetns<T>(path: string, body: (ns: Netns) => T): T {
  const ns = openNetns(path);
  try {
    return body(ns);
  } finally {
    ns.route.close();
    closeFile(ns.fd);
  }
}

/** What `body` returns; undefined if the namespace is gone, whatever the path leads to by now. */
export function withPlace<T>(place: Place, body: (ns: Netns) => T): T | undefined {
  try {
    return withNetns(place.netns, (ns) => {
      const found = compareNetns(place.identity, identifyNetns(ns));
      return found === "other" ? undefined : body(ns);
    });
  } catch (cause) {
    if (cause instanceof NetnsError) return undefined;
    throw cause;
  }
}

/** True if both are the same link. */
export function isSamePlace(a: Place, b: Place): boolean {
  return a.index === b.index && compareNetns(a.identity, b.identity) !== "other";
}
