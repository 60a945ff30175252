/**
 * An event loop: one thread waits for any number of descriptors, and for a time (epoll(7)). The time
 * is one of CLOCK_BOOTTIME, so what is due while the machine sleeps is done when it wakes up.
 */

import * as host from "host";
import type { Cancel, Clock } from "./clock.ts";
import { checked, EINTR } from "./errno.ts";
import { closeFile } from "./file.ts";
import { Timers } from "./timers.ts";

/** What may be ready of a descriptor (linux/eventpoll.h). */
export const EPOLLIN = 1;
export const EPOLLOUT = 4;
export const EPOLLERR = 8;
export const EPOLLHUP = 16;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;

/** As many are heard of at once. */
const BATCH = 64;

/** Does what a ready descriptor asks for; it must not wait. `events` says what it is ready for. */
export type Handler = (events: number) => void;

/** Who is called for a descriptor, and in which turn of the loop that was agreed on. */
interface Watcher {
  readonly handler: Handler;
  readonly turn: number;
}

/** Waits for descriptors and times and calls their handlers, one after the other. */
export class EventLoop implements Clock {
  readonly #epoll = checked(host.epoll(), "make an event loop");
  readonly #timer = checked(host.timer(), "make a timer");
  readonly #watchers = new Map<number, Watcher>();
  readonly #timers = new Timers();
  readonly #ready = new Int32Array(2 * BATCH);
  readonly #onTime: () => void;
  readonly #onFault: (cause: unknown) => void;
  /** When `onTime` is to be called, and what the kernel's timer is set to; 0 is not at all. */
  #wakeUp = 0;
  #alarm = 0;
  #turn = 0;
  #isEnded = false;

  /** Calls `onTime` whenever the time given to `wakeAt` has come, `onFault` if a handler throws. */
  constructor(onTime: () => void, onFault: (cause: unknown) => void) {
    this.#onTime = onTime;
    this.#onFault = onFault;
    checked(
      host.epollControl(this.#epoll, EPOLL_CTL_ADD, this.#timer, EPOLLIN),
      "wait for a timer",
    );
  }

  /** From now on calls `handler` when a descriptor is ready for one of the events, or has failed. */
  watch(fd: number, events: number, handler: Handler): void {
    const known = this.#watchers.get(fd);
    const operation = known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    checked(host.epollControl(this.#epoll, operation, fd, events), `wait for descriptor ${fd}`);
    this.#watchers.set(fd, { handler, turn: known ? known.turn : this.#turn });
  }

  /** Closes a descriptor, whose handler is not called any more. */
  close(fd: number): void {
    if (this.#watchers.delete(fd)) host.epollControl(this.#epoll, EPOLL_CTL_DEL, fd, 0);
    closeFile(fd);
  }

  /** When to call `onTime`, in milliseconds of CLOCK_BOOTTIME; undefined: not at all. */
  wakeAt(time: number | undefined): void {
    this.#wakeUp = time === undefined ? 0 : Math.max(1, Math.ceil(time));
    this.#setAlarm();
  }

  now(): number {
    return host.boottime();
  }

  wall(): number {
    return host.realtime();
  }

  after(milliseconds: number, act: () => void): Cancel {
    return this.#timers.add(this.now() + milliseconds, act);
  }

  /** Ends `run` once the handlers that are due have been called. */
  end(): void {
    this.#isEnded = true;
  }

  /** Calls handlers until `end`; `after` is called each time before it waits. */
  run(after: () => void): void {
    while (!this.#isEnded) {
      after();
      this.#setAlarm();
      const count = host.epollWait(this.#epoll, this.#ready, -1);
      if (count !== -EINTR) checked(count, "wait for events");
      this.#turn++;
      this.#serve(count);
    }
  }

  /** What has come is read before it is said that it did not come in time. */
  #serve(count: number): void {
    let isTime = false;
    for (let i = 0; i < count; i++) {
      const [fd = -1, events = 0] = this.#ready.subarray(2 * i, 2 * i + 2);
      if (fd === this.#timer) isTime = true;
      else this.#callWatcher(fd, events);
    }
    if (isTime) this.#callDue();
  }

  /** A number that has become another descriptor's meanwhile is not what was ready. */
  #callWatcher(fd: number, events: number): void {
    const watcher = this.#watchers.get(fd);
    if (watcher && watcher.turn < this.#turn) this.#call(() => watcher.handler(events));
  }

  #callDue(): void {
    host.read(this.#timer, new Uint8Array(8));
    this.#alarm = 0;
    const now = this.now();
    if (this.#wakeUp !== 0 && this.#wakeUp <= now) {
      this.#wakeUp = 0;
      this.#call(this.#onTime);
    }
    this.#timers.run(now, (act) => this.#call(act));
  }

  /** One timer of the kernel's is enough for all. */
  #setAlarm(): void {
    const times = [this.#wakeUp, Math.ceil(this.#timers.next ?? 0)].filter((at) => at > 0);
    const at = times.length === 0 ? 0 : Math.max(1, Math.min(...times));
    if (at === this.#alarm) return;
    checked(host.setTimer(this.#timer, at), "set a timer");
    this.#alarm = at;
  }

  /** One that fails keeps no other from being served. */
  #call(act: () => void): void {
    try {
      act();
    } catch (cause) {
      this.#onFault(cause);
    }
  }
}

/** The time by which an event loop goes: milliseconds of CLOCK_BOOTTIME. */
export function bootMilliseconds(): number {
  return host.boottime();
}

/** linux/signal.h */
export const SIGINT = 2;
export const SIGTERM = 15;

/** A descriptor that can be read once one of these signals has come, which ends nothing any more. */
export function catchSignals(...signals: readonly number[]): number {
  const mask = signals.reduce((bits, signal) => bits | (1 << signal), 0);
  checked(host.blockSignals(mask), "block signals");
  return checked(host.signalEvents(mask), "hear of signals");
}
