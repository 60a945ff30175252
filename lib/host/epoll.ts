/**
 * An event loop: one thread waits for any number of descriptors, and for a time (epoll(7)). The time
 * is one of CLOCK_BOOTTIME, so what is due while the machine sleeps is done when it wakes up.
 */

import * as host from "host";
import { checked, EINTR } from "./errno.ts";
import { closeFile } from "./file.ts";

/** What may be ready of a descriptor (linux/eventpoll.h). */
export const EPOLLIN = 1;
export const EPOLLOUT = 4;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;

/** As many are heard of at once. */
const BATCH = 64;

/** Does what a ready descriptor asks for; it must not wait. */
export type Handler = () => void;

/** Waits for descriptors and calls their handlers, one after the other. */
export class EventLoop {
  readonly #epoll = checked(host.epoll(), "make an event loop");
  readonly #timer = checked(host.timer(), "make a timer");
  readonly #handlers = new Map<number, Handler>();
  readonly #ready = new Int32Array(2 * BATCH);
  readonly #onFault: (cause: unknown) => void;
  #wakeUp = 0;
  #isEnded = false;

  /** Calls `onTime` whenever the time given to `wakeAt` has come, `onFault` if a handler throws. */
  constructor(onTime: Handler, onFault: (cause: unknown) => void) {
    this.#onFault = onFault;
    this.watch(this.#timer, EPOLLIN, () => {
      host.read(this.#timer, new Uint8Array(8));
      this.#wakeUp = 0;
      onTime();
    });
  }

  /** From now on calls `handler` when a descriptor is ready for one of the events, or has failed. */
  watch(fd: number, events: number, handler: Handler): void {
    const operation = this.#handlers.has(fd) ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    checked(host.epollControl(this.#epoll, operation, fd, events), `wait for descriptor ${fd}`);
    this.#handlers.set(fd, handler);
  }

  /** Closes a descriptor, whose handler is not called any more. */
  close(fd: number): void {
    if (this.#handlers.delete(fd)) host.epollControl(this.#epoll, EPOLL_CTL_DEL, fd, 0);
    closeFile(fd);
  }

  /** When to call `onTime`, in milliseconds of CLOCK_BOOTTIME; undefined: not at all. */
  wakeAt(time: number | undefined): void {
    const at = time === undefined ? 0 : Math.max(1, Math.ceil(time));
    if (at === this.#wakeUp) return;
    checked(host.setTimer(this.#timer, at), "set a timer");
    this.#wakeUp = at;
  }

  /** Ends `run` once the handlers that are due have been called. */
  end(): void {
    this.#isEnded = true;
  }

  /** Calls handlers until `end`; `after` is called each time before it waits. */
  run(after: () => void): void {
    while (!this.#isEnded) {
      after();
      const count = host.epollWait(this.#epoll, this.#ready, -1);
      if (count !== -EINTR) checked(count, "wait for events");
      for (let i = 0; i < count; i++) this.#call(this.#ready[2 * i] ?? -1);
    }
  }

  /** One that fails keeps no other from being served. */
  #call(fd: number): void {
    try {
      this.#handlers.get(fd)?.();
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
