/** Taking a place in a network: one's own from before, or a new one, with a lease that it lives by. */

import type { Cancel } from "../../host/clock.ts";
import { EtcdFailure } from "./failure.ts";
import type { Gateway } from "./gateway.ts";
import { FOREVER, type Lease } from "./lease.ts";
import type { KeyValue } from "./messages.ts";
import { createKey, type Outcome, replaceKey } from "./own-key.ts";

/** The key is ours since a revision, and lives by a lease; or it is not, because of what was found. */
export type Claimed = Outcome & { readonly lease: string };

type Done = (what: Claimed | EtcdFailure) => void;

/** One attempt at a time. */
export class Claim {
  readonly #gateway: Gateway;
  readonly #lease: Lease;
  #cancel: Cancel = () => {};

  constructor(gateway: Gateway, lease: Lease) {
    this.#gateway = gateway;
    this.#lease = lease;
  }

  cancel(): void {
    this.#cancel();
  }

  /** A key that we had before has its lease still, or none: then it is a reservation, and stays one. */
  takeOver(kv: KeyValue, value: string, done: Done): void {
    const replace = (lease: string) => this.replace(kv, { value, lease }, done);
    if (kv.lease === FOREVER || kv.lease === this.#lease.id) {
      replace(kv.lease);
      return;
    }
    this.#cancel = this.#lease.renew(kv.lease, (seconds) => {
      if (seconds instanceof EtcdFailure) done(seconds);
      else if (seconds > 0) replace(kv.lease);
      else this.#withLease(replace, done);
    });
  }

  /** A new key, with a new lease unless there is one. */
  create(key: string, value: string, done: Done): void {
    const create = (lease: string) => {
      this.#cancel = createKey(this.#gateway, { key, value, lease }, (what) => {
        if (what instanceof EtcdFailure) done(what);
        else this.#created({ ...what, lease }, { key, value }, done);
      });
    };
    this.#withLease(create, done);
  }

  /** If the answer to an earlier request was lost, the key is found and is ours. */
  #created(what: Claimed, wanted: { key: string; value: string }, done: Done): void {
    const { lease } = what;
    const found = what.isDone ? [] : what.found;
    const own = found.find((kv) => kv.key === wanted.key && kv.lease === lease);
    if (own) this.replace(own, { value: wanted.value, lease }, done);
    else done(what);
  }

  /** Writes over a key as it was seen, unless it says the same already. */
  replace(kv: KeyValue, { value, lease }: { value: string; lease: string }, done: Done): void {
    if (kv.value === value && kv.lease === lease) {
      done({ isDone: true, revision: kv.modified, lease });
      return;
    }
    const entry = { key: kv.key, value, lease, modified: kv.modified };
    this.#cancel = replaceKey(this.#gateway, entry, (what) =>
      done(what instanceof EtcdFailure ? what : { ...what, lease }),
    );
  }

  #withLease(act: (lease: string) => void, done: Done): void {
    if (this.#lease.id !== FOREVER) {
      act(this.#lease.id);
      return;
    }
    this.#cancel = this.#lease.grant((lease) => {
      if (lease instanceof EtcdFailure) done(lease);
      else {
        this.#lease.keep(lease);
        act(lease);
      }
    });
  }
}
