/** The store that the options name. */

import { CniError, Code } from "../lib/cni/error.ts";
import type { EventLoop } from "../lib/host/epoll.ts";
import type { Store } from "../lib/store/store.ts";
import type { AgentOptions } from "./options.ts";

/** Opens nothing yet: that is for its `start`. Throws CniError if a file it names cannot be read. */
export function openStore(options: AgentOptions["store"], _loop: EventLoop): Store {
  throw new CniError(Code.config, `Cannot use store "${options.type}": it is not here yet`);
}
