/**
 * Keeps one lease: does what the client says, tells it what becomes of its link, and writes down what
 * a successor has to know.
 *
 * What ADD reported is what the host goes by: rules, records, the runtime's own word. So the address
 * of the container never becomes another one:
 *
 *   renewed      times are taken over; a changed mask, route or name server is said, and not applied
 *   ran out, NAK the address is taken from the link, and asked for again, as long as it takes
 *   had again    the very same address goes back to the link, with its routes; another is given back
 *   link deleted, moved away, or its namespace gone: the lease is forgotten, there is nobody to use it
 */

import { CniError, Code } from "../../lib/cni/error.ts";
import type { Client, ClientAction, ClientEvent } from "../../lib/dhcp/client.ts";
import { DhcpError } from "../../lib/dhcp/error.ts";
import { type Lease, type LeaseReading, leaseResult } from "../../lib/dhcp/lease.ts";
import { bootMilliseconds, type EventLoop } from "../../lib/host/epoll.ts";
import { formatMac } from "../../lib/ip/mac.ts";
import type { Link } from "../../lib/net/link.ts";
import type { NamespaceEvent } from "../../lib/net/namespace-events.ts";
import { putBack, takeAway } from "./applied.ts";
import { inWords } from "./ask.ts";
import { Frames } from "./frames.ts";
import { Journal, type Log } from "./journal.ts";
import type { AddQuestion, Answer } from "./messages.ts";
import type { Place } from "./place.ts";
import { errorAnswer } from "./questions.ts";
import { deleteRecord } from "./record-files.ts";
import { writeRecord } from "./records.ts";

/** What a keeper needs of its daemon. */
export interface Surroundings {
  readonly loop: EventLoop;
  readonly log: Log;
  /** The directory of the records. */
  readonly records: string;
  /** Forgets a keeper that is over. */
  readonly forget: (keeper: Keeper) => void;
}

/** What is kept, and for whom. */
export interface Kept {
  readonly question: AddQuestion;
  readonly place: Place;
  /** The number of the namespace, as seen by the daemon. */
  readonly nsid: number;
  readonly client: Client;
  /** Metric of the routes. */
  readonly priority: number;
  /** As it was found. */
  readonly link: Link;
}

/** Hears once what became of an ADD. */
export type Waiter = (answer: Answer) => void;

/** The keeper of one attachment's lease. */
export class Keeper {
  readonly kept: Kept;
  readonly #around: Surroundings;
  readonly #frames: Frames;
  readonly #journal: Journal;
  #waiter: Waiter | undefined;
  /** The address and prefix length that ADD reported; "" before. */
  #reported: string;
  #ignored = "";
  /** True if the container has what was reported, as far as it is known. */
  #isApplied = true;
  #isOver = false;
  #isUp = true;
  #mac: string;

  constructor(around: Surroundings, kept: Kept, reported = "") {
    this.#around = around;
    this.kept = kept;
    this.#reported = reported;
    this.#mac = formatMac(kept.link.mac);
    this.#journal = new Journal(around.log, `${inWords(kept.question.attachment)}: `);
    this.#frames = new Frames(around.loop, kept.place, (frame) =>
      this.handle({ kind: "frame", frame }),
    );
  }

  get wakeAt(): number {
    return this.kept.client.wakeAt;
  }

  /** True while an ADD waits for its first lease. */
  get isAwaited(): boolean {
    return this.#waiter !== undefined;
  }

  /** Looks for a first lease; `waiter` hears of it. */
  start(waiter: Waiter): void {
    this.#waiter = waiter;
    this.handle({ kind: "start" });
  }

  /** The lease as a result; undefined while there is none. */
  reading(): LeaseReading | undefined {
    const { lease } = this.kept.client;
    return lease && this.#read(lease);
  }

  #read(lease: Lease): LeaseReading {
    const { priority, link } = this.kept;
    try {
      return leaseResult(lease, { priority, linkMtu: link.mtu });
    } catch (cause) {
      throw cause instanceof DhcpError ? this.#error(Code.system, cause.message) : cause;
    }
  }

  /** Tells the client of an event, and does what it says; a failure of ours ends the lease's keeping. */
  handle(event: ClientEvent): void {
    if (this.#isOver) return;
    try {
      for (const action of this.kept.client.handle(event, bootMilliseconds())) {
        if (!this.#isOver) this.#perform(action);
      }
      this.#frames.keepOnly(this.kept.client.listensTo);
      if (this.kept.client.state === "over") this.#end();
      else this.#apply();
    } catch (cause) {
      this.#fail(cause);
    }
  }

  /** What became of the link or its namespace. */
  heed(event: NamespaceEvent): void {
    if (event.kind === "gone") this.abandon("its namespace is gone");
    else if (event.kind === "linkGone") this.abandon("its link was deleted or moved away");
    else if (event.isUp !== this.#isUp || formatMac(event.mac) !== this.#mac) {
      const { isUp, mac } = event;
      this.#isUp = isUp;
      this.#mac = formatMac(mac);
      this.#frames.close(); // their filter is for a hardware address
      this.handle({ kind: "link", isUp, mac });
    }
  }

  /** The lease is forgotten: nobody is there to use it, and no way to give it back. */
  abandon(reason: string): void {
    if (this.#isOver) return;
    this.#log("forgotten", reason);
    this.#answer(errorAnswer(this.#error(Code.system, reason)));
    try {
      this.#end();
    } catch (cause) {
      this.#problem(cause);
    }
  }

  /** The lease is given back. */
  release(): void {
    if (this.kept.client.lease) this.#log("released", this.#reported);
    this.handle({ kind: "release" });
    this.#answer(errorAnswer(this.#error(Code.tryAgain, "its ADD was given up")));
    this.#end();
  }

  /** Where the record stays, since it cannot be removed, the next DEL or GC tries it again. */
  #end(): void {
    if (this.#isOver) return;
    this.#frames.close();
    deleteRecord(this.#around.records, this.kept.question.attachment);
    this.#isOver = true;
    this.#around.forget(this);
  }

  #fail(cause: unknown): void {
    this.#problem(cause);
    if (!this.#waiter) return; // the client tries again, by its own time
    this.#answer(errorAnswer(cause));
    this.release();
  }

  /* ---- what the client says ---- */

  #perform(action: ClientAction): void {
    switch (action.kind) {
      case "send":
        if (!this.#frames.send(action.frame)) this.abandon("its link or namespace is gone");
        return;
      case "bound":
        this.#bound(action.lease);
        return;
      case "renewed":
        if (action.isChanged) this.#log("changed", this.#changes(action.lease));
        this.#write(action.lease);
        return;
      case "lost":
        this.#lost(action.reason);
        return;
      case "failed":
        this.#failed(action.reason);
        return;
      case "ignored":
        this.#ignored = action.reason;
    }
  }

  #bound(lease: Lease): void {
    const reading = this.#read(lease);
    const address = reading.result.ips[0]?.address ?? "";
    if (this.#reported === "") {
      this.#reported = address;
      this.#write(lease);
      this.#log("leased", address);
      this.#answer({ lease: reading });
    } else if (address === this.#reported) {
      this.#write(lease);
    } else {
      const what = `the server gives ${address}, the container has to be attached again`;
      this.#log("lost", `${this.#reported} for good: ${what}`);
      if (this.#isApplied) takeAway(this.kept.place, this.#reported);
      this.release();
    }
  }

  #lost(reason: string): void {
    this.#log("lost", `${this.#reported}: ${reason}`);
    this.#write(undefined);
  }

  /**
   * The link has its address if, and only if, there is a lease: else it may be another's by now. What
   * fails is tried again whenever something happens.
   */
  #apply(): void {
    const { place, client } = this.kept;
    const has = client.lease !== undefined;
    if (this.#reported === "" || has === this.#isApplied) return;
    if (client.lease) putBack(place, this.#read(client.lease).result);
    else takeAway(place, this.#reported);
    this.#isApplied = has;
    if (has) this.#log("leased", `${this.#reported} again`);
  }

  #failed(reason: string): void {
    this.#log("failed", reason);
    const heard = this.#ignored === "" ? [] : [`not heeded: ${this.#ignored}`];
    this.#answer(errorAnswer(this.#error(Code.tryAgain, reason).with(...heard)));
  }

  #changes(lease: Lease): string {
    const now = JSON.stringify(this.#read(lease).result);
    return `${this.#reported}: not applied until it is attached again: ${now}`;
  }

  /* ---- what it tells others ---- */

  /** A first lease is recorded or not had; what is not recorded of a later one is its times. */
  #write(lease: Lease | undefined): void {
    const { question, place } = this.kept;
    try {
      writeRecord(this.#around.records, { question, place, reported: this.#reported, lease });
    } catch (cause) {
      if (this.#waiter) throw cause;
      this.#problem(cause);
    }
  }

  #answer(answer: Answer): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.(answer);
  }

  #error(code: number, reason: string): CniError {
    const what = inWords(this.kept.question.attachment);
    return new CniError(code, `Cannot lease an address for ${what}: ${reason}`);
  }

  #problem(cause: unknown): void {
    this.#log("problem", CniError.from(cause).message);
  }

  #log(event: string, message: string): void {
    this.#journal.tell(event, message);
  }
}
