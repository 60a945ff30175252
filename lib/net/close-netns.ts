/** Closing a namespace that was opened: one of many that a program looks into. */

import { closeFile } from "../host/file.ts";
import type { Netns } from "./netns.ts";

/** Closes a namespace with the sockets that were opened in it; it cannot be asked any more. */
export function closeNetns({ fd, route, netfilter }: Netns): void {
  route.close();
  netfilter.close();
  closeFile(fd);
}
