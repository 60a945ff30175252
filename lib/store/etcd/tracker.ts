/**
 * The keys of a network, listed once and then followed change by change. What fails is tried again,
 * at another endpoint; only what etcd says is told, so a store that is away takes nothing away.
 *
 *   list at revision R ──▶ watch from R+1 ──▶ changes …
 *        ▲                      │
 *        └── compacted, other cluster, restored ──┘
 */

import type { Cancel } from "../../host/clock.ts";
import type { JsonObject } from "../../overlay/contract/host.ts";
import { BackOff } from "../back-off.ts";
import { EtcdFailure } from "./failure.ts";
import type { Gateway } from "./gateway.ts";
import { type Listing, listKeys } from "./listing.ts";
import {
  allUnder,
  clusterOf,
  encoded,
  type KeyValue,
  numberOf,
  objectsIn,
  readKeyValue,
  revisionOf,
} from "./messages.ts";
import type { EtcdCounts, EtcdMeans } from "./settings.ts";

/** What is told of the keys. */
export interface TrackerEvents {
  /** All keys there are; false if they cannot be used, and are to be listed again later. */
  readonly onListing: (listing: Listing) => boolean;
  /** A key was written, or deleted (undefined) at a revision. */
  readonly onChange: (key: string, value: KeyValue | undefined, revision: number) => void;
  /** The key that is looked for every half minute. */
  readonly pulseKey: () => string;
  /** Whether it was there, at a revision. */
  readonly onPulse: (isThere: boolean, revision: number) => void;
  readonly onProblem: (problem: string | undefined) => void;
  readonly onNote: (event: string, sentence: string) => void;
}

/** How often the endpoint of the watch is asked whether it still answers. */
const PULSE = 30_000;
const PULSE_DEADLINE = 10_000;
/** How long it may take until a watch has begun. */
const BEGINNING = 10_000;

export class Tracker {
  readonly #gateway: Gateway;
  readonly #prefix: string;
  readonly #means: EtcdMeans;
  readonly #counts: EtcdCounts;
  readonly #events: TrackerEvents;
  readonly #backOff: BackOff;
  #cluster = "";
  #revision = 0;
  /** Watches that have failed one after the other. */
  #failures = 0;
  /** The endpoint of the watch. */
  #endpoint = 0;
  #cancel: Cancel = () => {};
  #stopPulse: Cancel = () => {};

  constructor(
    gateway: Gateway,
    means: EtcdMeans & { readonly prefix: string; readonly counts: EtcdCounts },
    events: TrackerEvents,
  ) {
    this.#gateway = gateway;
    this.#prefix = `${means.prefix}/`;
    this.#means = means;
    this.#counts = means.counts;
    this.#events = events;
    this.#backOff = new BackOff(200, 30_000, means.random);
  }

  /** Lists all keys, now or again, and follows them from there. */
  list(): void {
    this.stop();
    this.#counts.listings++;
    this.#cancel = listKeys(this.#gateway, this.#prefix, (what) => {
      if (what instanceof EtcdFailure) {
        this.#events.onProblem(what.message);
        this.#later(() => this.list());
      } else this.#take(what);
    });
  }

  stop(): void {
    this.#cancel();
    this.#stopPulse();
  }

  #later(act: () => void): void {
    this.#cancel = this.#means.clock.after(this.#backOff.next(), act);
  }

  #take(listing: Listing): void {
    this.#cluster = listing.cluster;
    this.#revision = listing.revision;
    let isReplaced = false;
    this.#cancel = () => {
      isReplaced = true;
    };
    const isUsable = this.#events.onListing(listing);
    if (isReplaced) return;
    if (isUsable) this.#watch();
    else this.#later(() => this.list());
  }

  /* ---- watching ---- */

  #watch(): void {
    this.#counts.watches++;
    const start_revision = String(this.#revision + 1);
    const range = allUnder(this.#prefix);
    const message = { create_request: { ...range, start_revision, progress_notify: true } };
    const question = { path: "/v3/watch", message };
    let isReplaced = false;
    this.#endpoint = this.#gateway.current;
    const words = this.#gateway.cannot(question);
    const cancel = this.#gateway.follow(question, {
      onMessage: (each) => {
        if (!isReplaced) this.#hear(each);
      },
      onEnd: (failure) => this.#again(failure),
    });
    this.#cancel = () => {
      isReplaced = true;
      cancel();
    };
    this.#stopPulse();
    this.#stopPulse = this.#means.clock.after(BEGINNING, () => {
      const state = `no word that it has begun within ${BEGINNING / 1000} s`;
      this.#again(new EtcdFailure(`${words}: ${state}`, { isLocal: true }));
    });
  }

  #hear(message: JsonObject): void {
    if (message.canceled === true) this.#canceled(message);
    else if (message.created === true) this.#created(message);
    else {
      for (const event of objectsIn(message.events)) this.#change(event);
      this.#revision = Math.max(this.#revision, revisionOf(message));
    }
  }

  /** A store that was restored, or is another one, has a past of its own. */
  #created(message: JsonObject): void {
    const cluster = clusterOf(message);
    if (cluster !== this.#cluster || revisionOf(message) < this.#revision) {
      const what = cluster === this.#cluster ? "was restored" : "is another cluster";
      this.#events.onNote("listing", `etcd ${what}: all hosts are listed again`);
      this.list();
      return;
    }
    this.#failures = 0;
    this.#backOff.reset();
    this.#events.onProblem(undefined);
    this.#pulseLater();
  }

  #canceled(message: JsonObject): void {
    if (numberOf(message.compact_revision) > 0) {
      const since = `what happened since revision ${this.#revision} is compacted`;
      this.#events.onNote("listing", `etcd cannot tell, ${since}: all hosts are listed again`);
      this.list();
      return;
    }
    const reason = String(message.cancel_reason ?? "without a reason");
    this.#gateway.forgetToken();
    const words = this.#gateway.cannot({ path: "/v3/watch", message: {} });
    this.#again(new EtcdFailure(`${words}: it cancels: ${reason}`, { isLocal: true }));
  }

  #change(event: JsonObject): void {
    const kv = objectsIn([event.kv])[0];
    const read = kv && readKeyValue(kv);
    if (!read || read.modified <= this.#revision) return;
    const isDeleted = event.type === "DELETE";
    this.#events.onChange(read.key, isDeleted ? undefined : read, read.modified);
  }

  /** A watch that ends is nothing to speak of, unless the next one fails as well. */
  #again(failure: EtcdFailure): void {
    this.stop();
    if (failure.isCompacted) {
      this.list();
      return;
    }
    this.#failures++;
    if (this.#failures > 1 || !failure.isLocal) this.#events.onProblem(failure.message);
    this.#gateway.leave(this.#endpoint);
    this.#later(() => this.#watch());
  }

  /* ---- is it still there? ---- */

  #pulseLater(): void {
    this.#stopPulse();
    const wait = PULSE * (0.8 + 0.4 * this.#means.random());
    this.#stopPulse = this.#means.clock.after(wait, () => this.#pulse());
  }

  /** A watch says nothing while nothing changes: what it hangs on is asked. */
  #pulse(): void {
    const message = { key: encoded(this.#events.pulseKey()), keys_only: true };
    const question = { path: "/v3/kv/range", message, deadline: PULSE_DEADLINE };
    this.#stopPulse = this.#gateway.askAt(this.#endpoint, question, (answer) => {
      if (answer instanceof EtcdFailure && answer.isLocal) {
        this.#again(answer);
        return;
      }
      this.#pulseLater();
      if (answer instanceof EtcdFailure) return;
      this.#events.onPulse(objectsIn(answer.kvs).length > 0, revisionOf(answer));
    });
  }
}
