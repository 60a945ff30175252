/** Whose files are as good as our own, for what is rarely asked. */

import * as host from "host";
import { lazily } from "./lazy.ts";

/** True for root, for us, and in a user namespace for whom it does not map: root of the host. */
export function isOwnUser(user: number): boolean {
  if (user === 0 || user === host.getuid()) return true;
  const { isInitial, overflowUser } = lazily<typeof import("./privilege.lazy.ts")>("privilege");
  return user === overflowUser() && !isInitial();
}
