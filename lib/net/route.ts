/** Routes, as the verbs of this layer take them. */

import type { Layout } from "../bytes/layout.ts";
import { ENOENT } from "../host/errno.ts";
import { isRefusal } from "../netlink/error.ts";
import type { Request } from "../netlink/message.ts";
import { type NewRoute, RT_SCOPE_LINK } from "../netlink/route.ts";
import type { Netns } from "./netns.ts";

/** A route to be, its gateway resolved. */
export type Route = NewRoute;

/** The scope of a route that leads no farther than its link. */
export const LINK_SCOPE = RT_SCOPE_LINK;

/** True if a route's scope ends at the link or before, so that no gateway can serve it. */
export function isLinkScoped({ scope = 0 }: { readonly scope?: number | undefined }): boolean {
  return scope >= RT_SCOPE_LINK;
}

/** All routes that a request lists; none in a table that never had any, which the kernel has not. */
export function dumpRoutes<T>(ns: Netns, request: Request, layout: Layout<never, T>): T[] {
  try {
    return ns.route.dump(request, layout);
  } catch (cause) {
    if (isRefusal(cause, ENOENT)) return [];
    throw cause;
  }
}
