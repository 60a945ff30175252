/** Routes, as the verbs of this layer take them. */

import { type NewRoute, RT_SCOPE_LINK } from "../netlink/route.ts";

/** A route to be, its gateway resolved. */
export type Route = NewRoute;

/** True if a route's scope ends at the link or before, so that no gateway can serve it. */
export function isLinkScoped({ scope = 0 }: { readonly scope?: number | undefined }): boolean {
  return scope >= RT_SCOPE_LINK;
}
