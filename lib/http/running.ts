/** Requests that are under way: how they end, and when they have taken too long. */

import type { Cancel, Clock } from "../host/clock.ts";
import { decodeText } from "../host/text.ts";
import type { Answer, AskLimits, FollowEvents, FollowLimits } from "./answer.ts";
import type { Exchange } from "./connection.ts";
import type { Fault, HttpFailure } from "./failure.ts";
import { Gather } from "./gather.ts";
import type { Head } from "./head.ts";
import { Lines } from "./lines.ts";

/** How a request gets to the server. */
export interface Way {
  readonly clock: Clock;
  readonly run: (exchange: Exchange) => Cancel;
  readonly fail: (fault: Fault) => HttpFailure;
  /** Undefined if it cannot be sent as it is. */
  readonly bytes: Uint8Array | undefined;
  /** Those that are under way. */
  readonly running: Set<Running>;
}

/** What both kinds have in common: a time limit, and that they end once. */
export abstract class Running {
  readonly #way: Way;
  #stopTimer: Cancel | undefined;
  #stop: Cancel = () => {};
  #head: Head | undefined;
  #isHearing = false;
  #heardAt = 0;
  protected readonly gather = new Gather();

  /** Ends it at once; nothing is told any more. */
  readonly cancel = (): void => {
    if (this.#leave()) this.#stop();
  };

  /** The request goes out in the loop's next turn, so nobody hears of it before this returns. */
  constructor(way: Way, deadline: number) {
    this.#way = way;
    way.running.add(this);
    this.#stop = way.clock.after(0, () => this.#send(deadline));
  }

  protected get isOver(): boolean {
    return !this.#way.running.has(this);
  }

  protected get head(): Head | undefined {
    return this.#head;
  }

  /** False if it was over before. */
  #leave(): boolean {
    this.#stopTimer?.();
    return this.#way.running.delete(this);
  }

  #send(deadline: number): void {
    const { bytes } = this.#way;
    if (bytes) this.#run(bytes, deadline);
    else
      this.fail({
        fault: "unfit",
        state: "its path or a header has a line break, or is not ASCII",
      });
  }

  #run(bytes: Uint8Array, deadline: number): void {
    this.limit(deadline, `no answer within ${deadline / 1000} s`);
    const stop = this.#way.run({
      bytes,
      onHead: (head) => this.#unlessOver(() => this.#heard(head)),
      onBody: (piece) => this.#unlessOver(() => this.onBody(piece)),
      onDone: () => this.#unlessOver(() => this.onDone()),
      onFault: (fault) => this.#unlessOver(() => this.fail(fault)),
    });
    if (this.isOver) stop();
    else this.#stop = stop;
  }

  #unlessOver(act: () => void): void {
    if (!this.isOver) act();
  }

  #heard(head: Head): void {
    this.#head = head;
    this.onHead(head);
  }

  /** From now on there is so much time. */
  protected limit(milliseconds: number, state: string): void {
    this.#stopTimer?.();
    const late = () => this.fail({ fault: "late", state });
    this.#stopTimer = this.#way.clock.after(milliseconds, late);
  }

  /** From now on it may be silent for so long, each time. */
  protected hear(silence: number): void {
    this.#heardAt = this.#way.clock.now();
    if (!this.#isHearing) this.#listen(silence, silence);
  }

  /** One timer for many pieces: when it is due, there may have come something since. */
  #listen(silence: number, milliseconds: number): void {
    this.#isHearing = true;
    this.#stopTimer?.();
    this.#stopTimer = this.#way.clock.after(milliseconds, () => {
      const left = this.#heardAt + silence - this.#way.clock.now();
      if (left > 0) this.#listen(silence, left);
      else this.fail({ fault: "late", state: `nothing has come for ${silence / 1000} s` });
    });
  }

  protected fail(fault: Fault): void {
    this.cancel();
    this.onFailure(this.#way.fail(fault));
  }

  /** The whole answer; its connection may be kept. */
  protected finish(): Answer {
    this.#leave();
    const { status = 0, headers = new Map<string, string>() } = this.#head ?? {};
    return { status, headers, body: this.gather.take() };
  }

  protected abstract onHead(head: Head): void;
  protected abstract onBody(bytes: Uint8Array): void;
  protected abstract onDone(): void;
  protected abstract onFailure(failure: HttpFailure): void;
}

/** A request whose answer is wanted whole. */
export class Ask extends Running {
  readonly #most: number;
  readonly #done: (what: Answer | HttpFailure) => void;

  constructor(way: Way, limits: AskLimits, done: (what: Answer | HttpFailure) => void) {
    super(way, limits.deadline);
    this.#most = limits.most;
    this.#done = done;
  }

  protected onHead({ body }: Head): void {
    if (body.kind !== "length") return;
    if (body.length > this.#most) this.#tooLong();
    else this.gather.expect(body.length);
  }

  protected onBody(bytes: Uint8Array): void {
    if (this.gather.length + bytes.length > this.#most) this.#tooLong();
    else this.gather.add(bytes);
  }

  #tooLong(): void {
    this.fail({ fault: "long", state: `the answer is longer than ${this.#most} bytes` });
  }

  protected onDone(): void {
    this.#done(this.finish());
  }

  protected onFailure(failure: HttpFailure): void {
    this.#done(failure);
  }
}

/** A request whose answer comes in lines. */
export class Follow extends Running {
  readonly #limits: FollowLimits;
  readonly #events: FollowEvents;
  readonly #lines: Lines;

  constructor(way: Way, limits: FollowLimits, events: FollowEvents) {
    super(way, limits.deadline);
    this.#limits = limits;
    this.#events = events;
    this.#lines = new Lines(limits.most);
  }

  get #isAccepted(): boolean {
    return Math.floor((this.head?.status ?? 0) / 100) === 2;
  }

  protected onHead(): void {
    if (!this.#isAccepted) return;
    this.hear(this.#limits.silence);
    this.#events.onStart();
  }

  protected onBody(bytes: Uint8Array): void {
    const { most } = this.#limits;
    if (!this.#isAccepted) {
      if (this.gather.length + bytes.length <= most) this.gather.add(bytes);
      else this.fail({ fault: "long", state: `the answer is longer than ${most} bytes` });
      return;
    }
    this.hear(this.#limits.silence);
    const rest = this.#lines.push(bytes, (line) => this.#tell(line));
    if (!rest) this.fail({ fault: "long", state: `a line of it is longer than ${most} bytes` });
  }

  #tell(line: Uint8Array): boolean {
    const text = decodeText(line);
    if (text === undefined) this.fail({ fault: "garbled", state: "a line of it is not UTF-8" });
    else if (text !== "") this.#events.onLine(text);
    return !this.isOver;
  }

  protected onDone(): void {
    if (!this.#isAccepted) this.#events.onEnd(this.finish());
    else if (this.#tell(this.#lines.rest())) {
      this.finish();
      this.#events.onEnd(undefined);
    }
  }

  protected onFailure(failure: HttpFailure): void {
    this.#events.onEnd(failure);
  }
}
