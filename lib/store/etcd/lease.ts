/** Leases of etcd: a key lives as long as the lease it is written with, which is renewed in time. */

import type { Cancel } from "../../host/clock.ts";
import { isObject, type JsonObject } from "../../overlay/contract/host.ts";
import { BackOff } from "../back-off.ts";
import { EtcdFailure } from "./failure.ts";
import type { Gateway } from "./gateway.ts";
import { numberOf } from "./messages.ts";
import type { EtcdCounts, EtcdMeans } from "./settings.ts";

/** As long as flannel's, in seconds. */
const TTL = 86_400;

/** The lease of a key that stays for ever. */
export const FOREVER = "0";

export interface LeaseEvents {
  /** etcd does not know it any more. */
  readonly onGone: () => void;
  readonly onProblem: (problem: string | undefined) => void;
}

/** How leases are asked for, and when they are renewed. */
export interface LeaseMeans extends EtcdMeans {
  readonly gateway: Gateway;
  readonly counts: EtcdCounts;
  /** In milliseconds before its end, at the latest. */
  readonly renewMargin: number;
}

/** The lease that this host's key has, one at a time. */
export class Lease {
  readonly #means: LeaseMeans;
  readonly #events: LeaseEvents;
  readonly #backOff: BackOff;
  #id = FOREVER;
  #ends: number | undefined;
  #cancel: Cancel = () => {};

  constructor(means: LeaseMeans, events: LeaseEvents) {
    this.#means = means;
    this.#events = events;
    this.#backOff = new BackOff(1_000, 60_000, means.random);
  }

  /** The one that is kept; FOREVER if none is. */
  get id(): string {
    return this.#id;
  }

  /** When it ends unless it is renewed, by the clock's now(); undefined if none is kept. */
  get ends(): number | undefined {
    return this.#ends;
  }

  /** Asks for a new one, and tells its number. */
  grant(done: (what: string | EtcdFailure) => void): Cancel {
    const question = { path: "/v3/lease/grant", message: { TTL: String(TTL) } };
    return this.#means.gateway.ask(question, (answer) => {
      const { ID } = answer instanceof EtcdFailure ? {} : (answer as { ID?: unknown });
      const state = "Cannot use a lease of etcd: it has no number";
      const failure = new EtcdFailure(state, { isLocal: true });
      if (answer instanceof EtcdFailure) done(answer);
      else done(typeof ID === "string" && ID !== FOREVER ? ID : failure);
    });
  }

  /** Lets the time of one begin anew; tells how many seconds it has, 0 if there is none. */
  renew(id: string, done: (what: number | EtcdFailure) => void): Cancel {
    const question = { path: "/v3/lease/keepalive", message: { ID: id } };
    return this.#means.gateway.ask(question, (answer) => {
      if (answer instanceof EtcdFailure) done(answer);
      else done(secondsIn(answer));
    });
  }

  /** Renews one from now on, well before its end. */
  keep(id: string, seconds = TTL): void {
    this.forget();
    this.#id = id;
    if (id === FOREVER) return;
    const whole = seconds * 1000;
    this.#ends = this.#means.clock.now() + whole;
    const latest = Math.min(whole / 2, whole - this.#means.renewMargin);
    const wait = Math.max(latest, whole / 10) * (1 - this.#means.random() / 10);
    this.#later(wait);
  }

  /** Lets it go; it ends by itself. */
  forget(): void {
    this.#cancel();
    this.#cancel = () => {};
    this.#id = FOREVER;
    this.#ends = undefined;
  }

  #later(wait: number): void {
    this.#cancel = this.#means.clock.after(wait, () => this.#renew());
  }

  #renew(): void {
    const id = this.#id;
    this.#cancel = this.renew(id, (what) => {
      if (what instanceof EtcdFailure) {
        this.#events.onProblem(what.message);
        this.#later(this.#backOff.next());
        return;
      }
      this.#backOff.reset();
      this.#events.onProblem(undefined);
      if (what === 0) this.#events.onGone();
      else {
        this.#means.counts.renewals++;
        this.keep(id, what);
      }
    });
  }
}

function secondsIn(answer: JsonObject): number {
  return isObject(answer.result) ? Math.max(0, numberOf(answer.result.TTL)) : 0;
}
