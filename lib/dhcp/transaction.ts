/** A question of a client, asked until it is answered: what it says, and how long it is waited. */

import type { IpAddress } from "../ip/address.ts";
import type { ClientSettings } from "./events.ts";
import type { Lease } from "./lease.ts";
import {
  type Asker,
  discover,
  type Offer,
  requestAgain,
  requestOffer,
  requestRebinding,
  requestRenewal,
} from "./requests.ts";
import { answerWait, offerWait, type Random, renewalWait } from "./timing.ts";

/** What is asked in which state, and about what. */
export type Question =
  | { readonly state: "selecting"; readonly wish: IpAddress | undefined }
  | { readonly state: "requesting"; readonly offer: Offer }
  | { readonly state: LeaseState; readonly lease: Lease };

/** The states in which there is a lease, and something to be asked about it. */
export type LeaseState = "rebooting" | "renewing" | "rebinding";

/** Who asks: the settings, with the link's hardware address as it is now. */
export type Speaker = ClientSettings;

/** A clock's time in milliseconds, and chance. */
export interface Moment {
  readonly now: number;
  readonly random: Random;
}

/** One transaction: its number, its question, and when that was sent. */
export class Transaction {
  readonly xid: number;
  readonly #beganAt: number;
  #question: Question;
  #seconds = 0;
  #sent = 0;
  #sentAt = 0;

  constructor(question: Question, { now, random }: Moment) {
    this.xid = randomXid(random);
    this.#beganAt = now;
    this.#question = question;
  }

  get question(): Question {
    return this.#question;
  }

  /** How often the question has been sent. */
  get sent(): number {
    return this.#sent;
  }

  /** When it was sent last: from then on a lease counts. */
  get sentAt(): number {
    return this.#sentAt;
  }

  /** Goes on with an offer: it is asked for under the same number. */
  take(offer: Offer): void {
    this.#question = { state: "requesting", offer };
    this.#sent = 0;
  }

  /** The frame to send now, and how long to wait for its answer. */
  send(speaker: Speaker, moment: Moment): { readonly frame: Uint8Array; readonly wait: number } {
    const { now } = moment;
    // Who asks for an offer says the same as when it was made (RFC 2131, 4.3.2).
    if (this.#question.state !== "requesting") this.#seconds = (now - this.#beganAt) / 1000;
    const frame = this.#frame({ ...speaker, xid: this.xid, seconds: this.#seconds });
    const wait = this.#wait(speaker, moment);
    this.#sent++;
    this.#sentAt = now;
    return { frame, wait };
  }

  #frame(asker: Asker): Uint8Array {
    const question = this.#question;
    switch (question.state) {
      case "selecting":
        return discover(asker, question.wish);
      case "requesting":
        return requestOffer(asker, question.offer);
      case "rebooting":
        return requestAgain(asker, question.lease);
      case "renewing":
        return requestRenewal(asker, question.lease, this.#sent % 2 === 1);
      case "rebinding":
        return requestRebinding(asker, question.lease);
    }
  }

  /** No longer than the state lasts. */
  #wait({ timing }: Speaker, { now, random }: Moment): number {
    const question = this.#question;
    if (question.state === "selecting") return offerWait(timing, this.#sent, random);
    if (question.state !== "renewing" && question.state !== "rebinding") {
      return answerWait(timing, this.#sent, random);
    }
    const { lease, state } = question;
    const until = state === "renewing" ? lease.rebindAt : lease.expiresAt;
    return Math.min(renewalWait(lease, now, until), until - now);
  }
}

function randomXid(random: Random): number {
  return Math.floor(random() * 2 ** 32);
}

/** The one who says something that is not answered. */
export function teller(speaker: Speaker, random: Random): Asker {
  return { ...speaker, xid: randomXid(random), seconds: 0 };
}
