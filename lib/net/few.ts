/** Lists of a container's, which may be of any length: what is too long to be looked at is none. */

import { EFBIG } from "../host/errno.ts";
import { isRefusal } from "../netlink/error.ts";

/** What is listed; nothing where there are more than are looked at in a container. */
export function ifFew<T>(list: () => readonly T[]): readonly T[] {
  try {
    return list();
  } catch (cause) {
    if (isRefusal(cause, EFBIG)) return [];
    throw cause;
  }
}
