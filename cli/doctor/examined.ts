/** The facts of this host that checks look at: each is asked of the kernel once, and when it is wanted. */

import * as host from "host";
import { isMissing } from "../../lib/host/errno.ts";
import { listEveryAddress } from "../../lib/net/every-address.ts";
import { listWholeLinks } from "../../lib/net/link.ts";
import { ownNetns } from "../../lib/net/netns.ts";
import { readSysctl } from "../../lib/net/sysctl.ts";
import { listTableRoutes } from "../../lib/net/table.ts";
import { listKept } from "../cache.ts";
import { readAllLists } from "../list-file.ts";
import type { Examined } from "./finding.ts";
import { findRuntimes } from "./runtimes.ts";

/** What is to be examined here, by the variables NETCONFPATH and CNI_PATH. */
export function examineHost(): Examined {
  const netconfPath = host.getenv("NETCONFPATH") || "/etc/cni/net.d";
  const cniPath = (host.getenv("CNI_PATH") || "/opt/cni/bin").split(":").filter(Boolean);
  const ns = ownNetns();
  const isRoot = host.getuid() === 0;
  const lists = once(() => readAllLists(netconfPath));
  const runtimes = once(() => findRuntimes(netconfPath, cniPath));
  const links = once(() => listWholeLinks(ns));
  const addresses = once(() => listEveryAddress(ns));
  const routes = once(() => listTableRoutes(ns));
  const kept = once(() => listKept());
  return {
    ...{ netconfPath, cniPath, host: ns, isRoot },
    get lists() {
      return lists();
    },
    get runtimes() {
      return runtimes();
    },
    get links() {
      return links();
    },
    get addresses() {
      return addresses();
    },
    get routes() {
      return routes();
    },
    get kept() {
      return kept();
    },
    sysctl: (path) => unlessMissing(() => readSysctl(ns, path)),
  };
}

/** What a question answers, asked at most once. */
function once<T>(ask: () => T): () => T {
  let answer: { readonly value: T } | undefined;
  return () => {
    answer ??= { value: ask() };
    return answer.value;
  };
}

function unlessMissing<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw cause;
  }
}
