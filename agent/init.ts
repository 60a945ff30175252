/** Writing the configuration of a network to etcd, and waiting until that is done. */

import { CniError, Code } from "../lib/cni/error.ts";
import { EventLoop } from "../lib/host/epoll.ts";
import { EtcdFailure } from "../lib/store/etcd/failure.ts";
import { type Initialized, initNetwork } from "../lib/store/etcd/init.ts";
import { NetworkConfigError } from "../lib/store/settings.ts";
import type { EtcdOptions } from "./options.ts";
import { etcdMeans, etcdSettings } from "./stores.ts";

/** It is written now, or was there already; or there is another one, which stays. */
export type InitOutcome = Initialized;

/** Writes it, `isForced` in place of another one as well; throws CniError if that cannot be done. */
export function initEtcd(
  options: EtcdOptions,
  { text, isForced }: { readonly text: string; readonly isForced: boolean },
): InitOutcome {
  let outcome: Initialized | EtcdFailure | undefined;
  const loop = new EventLoop(
    () => undefined,
    (cause) => {
      throw cause;
    },
  );
  try {
    initNetwork({ ...etcdSettings(options), text, isForced }, etcdMeans(loop), (what) => {
      outcome = what;
      loop.end();
    });
  } catch (cause) {
    if (!(cause instanceof NetworkConfigError)) throw cause;
    throw new CniError(Code.config, cause.message);
  }
  loop.run(() => undefined);
  if (outcome !== undefined && !(outcome instanceof EtcdFailure)) return outcome;
  throw outcome ?? new CniError(Code.internal, "Cannot write to etcd: there is no answer");
}
