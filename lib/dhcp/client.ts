/**
 * The client's side of one lease (RFC 2131, 4.4), without socket or clock: events go in, what is to
 * be done comes out.
 *
 *   idle --start--> selecting --offer--> requesting --ACK--> (probing) --> bound
 *                       ^                                                  | T1     ^
 *     NAK, expiry, conflict: "lost"                                     renewing ---|
 *                       |                                                  | T2     |
 *   idle --restore--> rebooting --ACK--> bound                          rebinding --| ACK
 *
 * `now` is in milliseconds of a clock that only goes forward, also while the machine sleeps
 * (CLOCK_BOOTTIME): steps of the wall clock change nothing.
 */

import { formatAddress, type IpAddress } from "../ip/address.ts";
import { formatMac, type Mac } from "../ip/mac.ts";
import { DhcpError } from "./error.ts";
import type { ClientAction, ClientEvent, ClientSettings, ClientState } from "./events.ts";
import { differ, type Lease } from "./lease.ts";
import { Probe } from "./probe.ts";
import { readReply } from "./replies.ts";
import { giveBack, refuse } from "./requests.ts";
import { AFTER_DECLINE, type Random, refusalWait, restoreWait, TRIES } from "./timing.ts";
import { type Moment, type Question, type Speaker, Transaction, teller } from "./transaction.ts";
import { judge, type Verdict } from "./verdict.ts";

export type { ClientAction, ClientEvent, ClientSettings, ClientState } from "./events.ts";

/** One lease's client. */
export class Client {
  readonly #random: Random;
  /** The settings, with the link's hardware address as it is now. */
  #speaker: Speaker;
  #isUp = true;
  #isStarted = false;
  #state: ClientState = "idle";
  #lease: Lease | undefined;
  #transaction: Transaction | undefined;
  #probe: Probe | undefined;
  /** The address that would be liked best. */
  #wish: IpAddress | undefined;
  /** So many refusals one after the other. */
  #refusals = 0;
  /** Why there is no lease yet. */
  #trouble = "no server has answered";

  /** When the present state has something to do. */
  #timer = Infinity;
  #giveUpAt = Infinity;
  #now = 0;
  #out: ClientAction[] = [];

  /** `random` gives numbers from 0 up to, but not including, 1. */
  constructor(settings: ClientSettings, random: Random) {
    this.#speaker = settings;
    this.#random = random;
  }

  get state(): ClientState {
    return this.#state;
  }

  /** The lease that may be used now. */
  get lease(): Lease | undefined {
    return this.#lease;
  }

  /** When to call with "time" at the latest; Infinity if only another event changes anything. */
  get wakeAt(): number {
    if (this.#state === "over") return Infinity;
    const timer = this.#isUp ? this.#timer : Infinity;
    return Math.min(timer, this.#lease?.expiresAt ?? Infinity, this.#limit);
  }

  /** Who is as far as probing has succeeded, unless there is a conflict. */
  get #limit(): number {
    return this.#probe ? Infinity : this.#giveUpAt;
  }

  /** Which frames matter now: with none of both a socket may be closed. */
  get listensTo(): { readonly dhcp: boolean; readonly arp: boolean } {
    return { dhcp: this.#transaction !== undefined, arp: this.#probe !== undefined };
  }

  /** What is to be done about an event, in this order. Never throws, whatever a frame says. */
  handle(event: ClientEvent, now: number): readonly ClientAction[] {
    this.#now = now;
    this.#out = [];
    while (now >= this.wakeAt) this.#due();
    if (this.#state !== "over") this.#happen(event);
    while (now >= this.wakeAt) this.#due();
    return this.#out;
  }

  #happen(event: ClientEvent): void {
    if (event.kind === "start") this.#start();
    else if (event.kind === "restore") this.#restore(event.lease);
    else if (event.kind === "frame") this.#receive(event.frame);
    else if (event.kind === "link") this.#follow(event.isUp, event.mac);
    else if (event.kind === "conflict") this.#decline("somebody else uses it");
    else if (event.kind === "release") this.#release();
  }

  /* ---- from outside ---- */

  #start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#giveUpAt = this.#now + this.#speaker.timing.resendTimeout;
    this.#select();
  }

  #restore(lease: Lease): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#lease = lease;
    if (lease.expiresAt <= this.#now) this.#lose("it ended while nobody kept it", lease.address);
    else this.#ask({ state: "rebooting", lease }, restoreWait(this.#random));
  }

  #follow(isUp: boolean, mac: Mac = this.#speaker.mac): void {
    const isOther = isUp !== this.#isUp || mac.some((byte, i) => byte !== this.#speaker.mac[i]);
    this.#isUp = isUp;
    this.#speaker = { ...this.#speaker, mac };
    if (!isOther || !isUp || !this.#isStarted) return;
    this.#wish = this.#probe?.lease.address ?? this.#wish;
    if (this.#lease) this.#ask({ state: "rebooting", lease: this.#lease });
    else this.#select();
  }

  #release(): void {
    const lease = this.#lease ?? this.#probe?.lease;
    if (lease) this.#send(giveBack(teller(this.#speaker, this.#random), lease));
    this.#lease = undefined;
    this.#enter("over", Infinity);
  }

  /* ---- asking ---- */

  #select(): void {
    this.#ask({ state: "selecting", wish: this.#wish });
  }

  /** A new question, which goes out after a while. */
  #ask(question: Question, delay = 0): void {
    this.#enter(question.state, delay);
    this.#transaction = new Transaction(question, this.#moment);
    if (delay === 0) this.#transmit(this.#transaction);
  }

  /** Another state, which has something to do after a while. */
  #enter(state: ClientState, delay: number): void {
    this.#state = state;
    this.#transaction = undefined;
    this.#probe = undefined;
    this.#timer = this.#now + delay;
  }

  get #moment(): Moment {
    return { now: this.#now, random: this.#random };
  }

  #transmit(transaction: Transaction): void {
    const { frame, wait } = transaction.send(this.#speaker, this.#moment);
    this.#send(frame);
    this.#timer = this.#now + wait;
  }

  #send(frame: Uint8Array): void {
    if (this.#isUp) this.#out.push({ kind: "send", frame });
  }

  /* ---- time ---- */

  #due(): void {
    const lease = this.#lease;
    if (lease && this.#now >= lease.expiresAt) this.#lose("it has ended", lease.address);
    else if (this.#now >= this.#limit) this.#fail();
    else if (this.#transaction) this.#unanswered(this.#transaction);
    else if (lease) this.#rest(lease);
    else if (this.#probe) this.#goOnProbing(this.#probe);
    else this.#select();
  }

  #unanswered(transaction: Transaction): void {
    const { question, sent } = transaction;
    const isLast = sent >= TRIES;
    const isLate = question.state === "renewing" && this.#now >= question.lease.rebindAt;
    if (question.state === "requesting" && isLast) this.#select();
    else if (question.state === "rebooting" && isLast) this.#rest(question.lease);
    else if (isLate) this.#rest(question.lease);
    else this.#transmit(transaction);
  }

  #fail(): void {
    const seconds = Math.round(this.#speaker.timing.resendTimeout / 1000);
    this.#enter("over", Infinity);
    this.#out.push({ kind: "failed", reason: `no lease within ${seconds} s: ${this.#trouble}` });
  }

  /** The lease is good until it is to be renewed, which may be now. */
  #rest(lease: Lease): void {
    if (this.#now >= lease.rebindAt) this.#ask({ state: "rebinding", lease });
    else if (this.#now >= lease.renewAt) this.#ask({ state: "renewing", lease });
    else this.#enter("bound", lease.renewAt - this.#now);
  }

  #lose(reason: string, wish?: IpAddress): void {
    const lease = this.#lease;
    this.#lease = undefined;
    this.#wish = wish;
    if (lease) this.#out.push({ kind: "lost", lease, reason });
    this.#select();
  }

  /** Nothing is done for a while; then it begins anew. */
  #pause(time: number, trouble: string): void {
    this.#trouble = trouble;
    this.#wish = undefined;
    this.#enter("idle", time);
  }

  /* ---- answers ---- */

  #receive(frame: Uint8Array): void {
    const rival = this.#probe?.rivalIn(frame);
    if (rival) this.#decline(`${formatMac(rival)} uses it`);
    const transaction = this.#transaction;
    if (!transaction) return;
    try {
      const reply = readReply(frame, { ...this.#speaker, xid: transaction.xid });
      if (reply) this.#heed(judge(reply, transaction, this.#moment), transaction);
    } catch (cause) {
      if (!(cause instanceof DhcpError)) throw cause;
      this.#out.push({ kind: "ignored", reason: cause.message });
    }
  }

  #heed(verdict: Verdict, transaction: Transaction): void {
    if (verdict.kind === "offer") {
      const server = formatAddress(verdict.offer.server);
      this.#trouble = `${server} does not acknowledge what it has offered`;
      this.#state = "requesting";
      transaction.take(verdict.offer);
      this.#transmit(transaction);
    } else if (verdict.kind === "lease") {
      this.#acknowledged(verdict.lease);
    } else if (verdict.kind === "refusal") {
      this.#refused(verdict.reason);
    } else {
      if (verdict.kind === "useless") this.#trouble = verdict.reason;
      this.#out.push({ kind: "ignored", reason: verdict.reason });
    }
  }

  #acknowledged(lease: Lease): void {
    const isProbed = !this.#lease && this.#speaker.detectsConflicts;
    const probe = isProbed ? new Probe(lease, this.#speaker.mac, this.#random) : undefined;
    if (probe) this.#enter("probing", probe.firstWait());
    else this.#hold(lease);
    this.#probe = probe;
  }

  #refused(reason: string): void {
    if (!this.#lease) this.#pause(refusalWait(this.#speaker.timing, ++this.#refusals), reason);
    else this.#lose(reason);
  }

  #hold(lease: Lease): void {
    const former = this.#lease;
    this.#lease = lease;
    this.#giveUpAt = Infinity;
    this.#refusals = 0;
    if (former) this.#out.push({ kind: "renewed", lease, isChanged: differ(former, lease) });
    else this.#out.push({ kind: "bound", lease });
    this.#rest(lease);
  }

  /* ---- conflicts ---- */

  #goOnProbing(probe: Probe): void {
    const step = probe.step();
    if (this.#now >= probe.lease.expiresAt) this.#select();
    else if (!step) this.#hold(probe.lease);
    else {
      this.#send(step.frame);
      this.#timer = this.#now + step.wait;
    }
  }

  #decline(reason: string): void {
    const held = this.#lease;
    const lease = held ?? this.#probe?.lease;
    if (!lease) return;
    this.#lease = undefined;
    if (held) this.#out.push({ kind: "lost", lease, reason });
    this.#send(refuse(teller(this.#speaker, this.#random), lease));
    this.#pause(AFTER_DECLINE, `${formatAddress(lease.address)}: ${reason}`);
  }
}
