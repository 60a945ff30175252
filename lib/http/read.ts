/** Requests whose answers are too long to be kept. */

import type { ReadEvents, ReadLimits } from "./answer.ts";
import type { HttpFailure } from "./failure.ts";
import type { Head } from "./head.ts";
import { Running, type Way } from "./running.ts";

/** Of a refusal so much is wanted at most, in bytes. */
const LONGEST_REFUSAL = 64 << 10;

/** A request whose answer comes in pieces. */
export class Read extends Running {
  readonly #limits: ReadLimits;
  readonly #events: ReadEvents;
  #length = 0;

  constructor(way: Way, limits: ReadLimits, events: ReadEvents) {
    super(way, limits.deadline);
    this.#limits = limits;
    this.#events = events;
  }

  get #isAccepted(): boolean {
    return Math.floor((this.head?.status ?? 0) / 100) === 2;
  }

  protected onHead({ headers }: Head): void {
    if (!this.#isAccepted) return;
    this.hear(this.#limits.silence);
    this.#events.onStart?.(headers);
  }

  protected onBody(bytes: Uint8Array): void {
    this.#length += bytes.length;
    const most = this.#isAccepted ? this.#limits.most : LONGEST_REFUSAL;
    if (this.#length > most) {
      this.fail({ fault: "long", state: `the answer is longer than ${most} bytes` });
    } else if (this.#isAccepted) {
      this.hear(this.#limits.silence);
      this.#events.onPiece(bytes);
    } else this.gather.add(bytes);
  }

  protected onDone(): void {
    const answer = this.finish();
    this.#events.onEnd(this.#isAccepted ? undefined : answer);
  }

  protected onFailure(failure: HttpFailure): void {
    this.#events.onEnd(failure);
  }
}
