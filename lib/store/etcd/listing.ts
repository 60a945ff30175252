/** All keys of a network at one revision, page by page. */

import { fromBase64, toBase64 } from "../../bytes/base64.ts";
import type { Cancel } from "../../host/clock.ts";
import type { JsonObject } from "../../overlay/contract/host.ts";
import { EtcdFailure } from "./failure.ts";
import type { Gateway } from "./gateway.ts";
import {
  allUnder,
  clusterOf,
  type KeyValue,
  keyValuesOf,
  objectsIn,
  revisionOf,
} from "./messages.ts";

/** What etcd had at a revision. */
export interface Listing {
  readonly cluster: string;
  readonly revision: number;
  readonly keys: readonly KeyValue[];
}

const PAGE = 500;
/** A store that says more is not believed. */
const MOST = 200_000;

/** Lists the keys that begin with `prefix`, which ends with a slash. */
export function listKeys(
  gateway: Gateway,
  prefix: string,
  done: (what: Listing | EtcdFailure) => void,
): Cancel {
  return new Lister(gateway, prefix, done).cancel;
}

class Lister {
  readonly #gateway: Gateway;
  readonly #range: { readonly key: string; readonly range_end: string };
  readonly #done: (what: Listing | EtcdFailure) => void;
  readonly #keys: KeyValue[] = [];
  #revision = 0;
  #cancel: Cancel = () => {};

  readonly cancel = (): void => this.#cancel();

  constructor(gateway: Gateway, prefix: string, done: (what: Listing | EtcdFailure) => void) {
    this.#gateway = gateway;
    this.#range = allUnder(prefix);
    this.#done = done;
    this.#ask(this.#range.key);
  }

  /** All pages are of the first one's revision. */
  #ask(key: string): void {
    const at = this.#revision === 0 ? {} : { revision: String(this.#revision) };
    const message = { key, range_end: this.#range.range_end, limit: String(PAGE), ...at };
    this.#cancel = this.#gateway.ask({ path: "/v3/kv/range", message }, (answer) => {
      if (answer instanceof EtcdFailure) this.#done(answer);
      else this.#take(answer);
    });
  }

  #take(page: JsonObject): void {
    if (this.#revision === 0) this.#revision = revisionOf(page);
    for (const each of keyValuesOf(page)) this.#keys.push(each);
    const last = objectsIn(page.kvs).at(-1)?.key;
    const next = typeof last === "string" ? keyAfter(last) : undefined;
    if (this.#revision === 0) this.#refuse("the answer has no revision");
    else if (this.#keys.length > MOST) this.#refuse(`there are more than ${MOST}`);
    else if (page.more !== true) this.#finish(page);
    else if (next === undefined) this.#refuse("the list breaks off");
    else this.#ask(next);
  }

  #finish(page: JsonObject): void {
    this.#done({ cluster: clusterOf(page), revision: this.#revision, keys: this.#keys });
  }

  #refuse(state: string): void {
    this.#done(new EtcdFailure(`Cannot list etcd's keys: ${state}`, { isLocal: true }));
  }
}

/** The first key there can be after one, both in base64. */
function keyAfter(key: string): string | undefined {
  const bytes = fromBase64(key);
  if (!bytes) return undefined;
  const next = new Uint8Array(bytes.length + 1);
  next.set(bytes);
  return toBase64(next);
}
