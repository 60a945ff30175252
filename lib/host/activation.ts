/** What whoever started this program gave it, as a service (sd_listen_fds(3)). */

import * as host from "host";

/** The first descriptor that is given (SD_LISTEN_FDS_START). */
const FIRST = 3;

/** The sockets that were opened for this very process; none if it was started otherwise. */
export function givenSockets(): readonly number[] {
  if (host.getenv("LISTEN_PID") !== String(host.getpid())) return [];
  const count = Number(host.getenv("LISTEN_FDS"));
  return Array.from({ length: count > 0 ? count : 0 }, (_, i) => FIRST + i);
}

/** This process's number. */
export function processId(): number {
  return host.getpid();
}

/** Lets this process have so many descriptors at once, if it may (RLIMIT_NOFILE). */
export function allowDescriptors(count: number): void {
  host.limitDescriptors(count);
}
