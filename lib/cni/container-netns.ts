/** The container's network namespace, as a request names it: which may be opened, and which is gone. */

import { EACCES, ELOOP, ENAMETOOLONG, ENXIO, EPERM, SystemError } from "../host/errno.ts";
import { fileStatus, isSameFile } from "../host/file-status.ts";
import { warn } from "../host/warn.ts";
import { isOwnNetns, type Netns, NetnsError, openNetns } from "../net/netns.ts";
import type { Request } from "./call.ts";
import { CniError, Code } from "./error.ts";

/** Opens the container's namespace for ADD and CHECK; throws if it is none, or our own. */
export function openContainer(request: Request, own: Netns): Netns {
  const { netns, netnsOverride } = request.environment;
  const container = openNetns(netns);
  if (!netnsOverride && isOwnNetns(container)) throw sameNetns(netns);
  return netnsOverride && isOwnNetns(container) ? own : container;
}

function sameNetns(netns: string): CniError {
  const text = "plugin's netns and netns from CNI_NETNS should not be the same";
  return new CniError(Code.sameNetns, `${text}: "${netns}"`);
}

/** IPAM never opens the container's namespace, but a runtime that hands it its own is wrong. */
export function requireOtherNetns({
  environment: { netns, netnsOverride },
  isDelegated,
}: Request): void {
  if (netns === "" || netnsOverride || isDelegated) return;
  const given = fileStatus(netns);
  const own = fileStatus("/proc/self/ns/net");
  if (given && own && isSameFile(given, own)) throw sameNetns(netns);
}

/** What DEL works on: the request, and the namespace if there is one that may be the container's. */
export interface Removal {
  readonly known: Request;
  readonly container: Netns | undefined;
}

/**
 * DEL: a namespace that is missing, is none, or is the host's own counts as gone, since nothing of
 * the host may be taken for the container's. Delegates are told of no other than was opened here.
 */
export function openForDel(request: Request, own: Netns): Removal {
  const { environment } = request;
  const gone = { known: { ...request, environment: { ...environment, netns: "" } } };
  if (environment.netns === "") return { known: request, container: undefined };
  try {
    const container = openNetns(environment.netns);
    if (!isOwnNetns(container)) return { known: request, container };
    return environment.netnsOverride
      ? { known: request, container: own }
      : { ...gone, container: undefined };
  } catch (cause) {
    if (cause instanceof NetnsError && cause.missing)
      return { known: request, container: undefined };
    if (!(cause instanceof NetnsError) && !isClosed(cause)) throw cause;
    return { ...gone, container: undefined };
  }
}

/** What keeps a path from ever being opened, however often DEL is repeated. */
const LASTING: readonly number[] = [EACCES, EPERM, ELOOP, ENAMETOOLONG, ENXIO];

/** True if the path leads nowhere for us, today and tomorrow: that is said, and DEL goes on. */
function isClosed(cause: unknown): boolean {
  if (!(cause instanceof SystemError) || !LASTING.includes(cause.errno)) return false;
  warn(`${cause.message}; it counts as gone`);
  return true;
}
