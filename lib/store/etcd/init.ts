/** Writing the configuration of a network, once: another one is not written over by mistake. */

import type { Cancel } from "../../host/clock.ts";
import { networkIn } from "./etcd-store.ts";
import { EtcdFailure } from "./failure.ts";
import { Gateway } from "./gateway.ts";
import { FOREVER } from "./lease.ts";
import type { KeyValue } from "./messages.ts";
import { createKey, type Outcome, replaceKey } from "./own-key.ts";
import { type EtcdMeans, type EtcdSettings, noCounts } from "./settings.ts";

/** It is written now, or was there already; or there is another one, which stays. */
export type Initialized =
  | { readonly state: "written" | "same"; readonly key: string }
  | { readonly state: "other"; readonly key: string; readonly found: string };

/**
 * Writes a configuration, with `force` in place of another one as well. Throws NetworkConfigError if
 * it is none that hosts could use.
 */
export function initNetwork(
  settings: EtcdSettings & { readonly text: string; readonly isForced: boolean },
  means: EtcdMeans,
  done: (what: Initialized | EtcdFailure) => void,
): Cancel {
  const { prefix, text, isForced } = settings;
  networkIn(text);
  const gateway = new Gateway(settings, means, noCounts());
  const key = `${prefix}/config`;
  const entry = { key, value: text, lease: FOREVER };
  const finish = (what: Initialized | EtcdFailure) => {
    gateway.close();
    done(what);
  };
  const other = (found: KeyValue) => {
    const words = found.value ?? "";
    if (words === text) finish({ state: "same", key });
    else if (isForced) replaceKey(gateway, { ...entry, modified: found.modified }, judge);
    else finish({ state: "other", key, found: words });
  };
  const judge = (what: Outcome | EtcdFailure) => {
    if (what instanceof EtcdFailure) finish(what);
    else if (what.isDone) finish({ state: "written", key });
    else if (what.found[0]) other(what.found[0]);
    else
      finish(new EtcdFailure(`Cannot write etcd's key ${key}: it was removed`, { isLocal: false }));
  };
  createKey(gateway, entry, judge);
  return () => gateway.close();
}
