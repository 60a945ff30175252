/**
 * TLS over a connection: BearSSL between its records and what is in them.
 *
 *   TCP ── records ──▶ tlsGive  ┌────────┐ tlsRead  ──▶ onData
 *                               │ engine │
 *   TCP ◀─ records ─── tlsTake  └────────┘ tlsWrite ◀── send
 *
 * The library verifies the chain of certificates and names. Names that are IP addresses it does not
 * know: these are compared here, before anything that answers the certificate leaves.
 */

import * as host from "host";
import { equalAddresses, parseAddress } from "../../ip/address.ts";
import type { Cancel, Clock } from "../clock.ts";
import { Failure } from "../failure.ts";
import { randomBytes } from "../random.ts";
import type { Stream, StreamEvents, TlsTarget } from "../stream.ts";
import { type Certificate, readCertificates } from "./certificate.ts";
import { openingFailure, readCredentials } from "./credentials.ts";
import { describeFault, describeNames } from "./words.ts";

/** Both ends have to agree within this time, in milliseconds. */
const HANDSHAKE_LIMIT = 10_000;
/** bearssl_ssl.h */
const CLOSED = 1;
const SEND_APPLICATION = 8;
/** The first bytes of records (RFC 5246, 6.2.1): another one is not TLS. */
const RECORD_TYPES = [20, 21, 22, 23];
const engine = host.agent();
/** What records and what is in them pass through. */
const room = new Uint8Array(32_768);
const taken = new Int32Array(1);
const state = new Int32Array(4);

/** Whom to call, and whom to expect. */
export interface Secured {
  readonly clock: Clock;
  readonly target: TlsTarget;
  /** The name or address that the other end's certificate must be for. */
  readonly name: string;
  /** What errors call the other end. */
  readonly peer: string;
}

/** One connection by TLS, which is told what its connection tells; each callback may close it. */
export class TlsStream implements Stream, StreamEvents {
  readonly #secured: Secured;
  readonly #events: StreamEvents;
  readonly #engine: number;
  readonly #waiting: Uint8Array[] = [];
  #connection: Stream | undefined;
  #cancel: Cancel = () => {};
  #isConnected = false;
  #isAccepted = false;
  #isOpen = false;
  #isClosed = false;
  #hasCome = false;

  /** Throws Failure if the name, certificates or keys cannot be used. */
  constructor(secured: Secured, events: StreamEvents) {
    this.#secured = secured;
    this.#events = events;
    this.#engine = openEngine(secured);
  }

  /** Over this connection, whose events are to come here. */
  over(connection: Stream): Stream {
    this.#connection = connection;
    return this;
  }

  send(bytes: Uint8Array): void {
    if (this.#isClosed || bytes.length === 0) return;
    this.#waiting.push(bytes);
    if (this.#isOpen) this.#write();
  }

  close(): void {
    if (this.#isClosed) return;
    if (this.#isOpen) {
      engine.tlsEnd(this.#engine);
      this.#take();
    }
    this.#release();
  }

  onOpen(): void {
    this.#isConnected = true;
    const { clock } = this.#secured;
    const tooLate = () => this.#fail("it does not finish the TLS handshake");
    this.#cancel = clock.after(HANDSHAKE_LIMIT, tooLate);
    this.#take();
  }

  onData(records: Uint8Array): void {
    if (this.#isClosed) return;
    if (!this.#hasCome && !RECORD_TYPES.includes(records[0] ?? 0)) {
      this.#fail("it does not speak TLS; where it speaks HTTP write http:// in place of https://");
      return;
    }
    this.#hasCome = true;
    if (this.#isOpen) this.#pass(records);
    else this.#give(records);
  }

  /** All records at once, and then what was in them. */
  #pass(records: Uint8Array): void {
    for (let left = records; !this.#isClosed; ) {
      const given = engine.tlsPass(this.#engine, left, room, taken);
      const count = taken[0] ?? 0;
      left = left.subarray(count);
      const bytes = room.slice(0, given); // before what is to be sent takes its room
      this.#take();
      if (given > 0) this.#events.onData(bytes);
      const isLast = given < room.length && (left.length === 0 || count === 0);
      if (this.#isOver()) return;
      this.#write();
      if (isLast) return;
    }
  }

  /** Record by record, as long as it is not known who the other end is. */
  #give(records: Uint8Array): void {
    for (let left = records; !this.#isClosed; ) {
      const taken = engine.tlsGive(this.#engine, left);
      left = left.subarray(taken);
      this.#turn();
      if (left.length === 0 || taken === 0) return;
    }
  }

  onEnd(cause: Failure | undefined): void {
    if (this.#isClosed) return;
    if (cause && (this.#isOpen || !this.#isConnected)) this.#end(cause);
    else if (this.#isOpen) this.#fail("the other end closed it without a word");
    else this.#fail(this.#earlyEnd());
  }

  /** What has come is seen through: judged, answered, and handed on. */
  #turn(): void {
    if (!this.#isOver() && (this.#isAccepted || this.#judge())) {
      this.#take();
      this.#announce();
      this.#read();
      this.#isOver();
    }
  }

  /** Whether the engine has ended, which is told then: by a fault, or since the other end said so. */
  #isOver(): boolean {
    if (this.#isClosed) return true;
    const { flags, error } = this.#state();
    if (error !== 0) this.#fail(this.#describe());
    else if ((flags & CLOSED) !== 0) this.#end(undefined);
    return this.#isClosed;
  }

  /** True if there is nothing against going on. */
  #judge(): boolean {
    const shown = this.#shown();
    if (shown === undefined) return true;
    const objection = this.#secured.target.isUnverified
      ? undefined
      : objectionTo(shown[0], this.#secured.name);
    this.#isAccepted = objection === undefined;
    if (objection !== undefined) this.#fail(objection);
    return this.#isAccepted;
  }

  /** Undefined as long as nothing has been shown. */
  #shown(): readonly Certificate[] | undefined {
    const length = engine.tlsShown(this.#engine, room);
    return length === 0 ? undefined : readCertificates(room.slice(0, length));
  }

  #announce(): void {
    if (this.#isOpen || !this.#isAccepted || (this.#state().flags & SEND_APPLICATION) === 0) return;
    this.#isOpen = true;
    this.#cancel();
    engine.tlsSettle(this.#engine);
    this.#events.onOpen();
    this.#write();
  }

  #take(): void {
    for (;;) {
      const length = engine.tlsTake(this.#engine, room);
      if (length === 0) return;
      this.#connection?.send(room.slice(0, length));
    }
  }

  #read(): void {
    while (this.#isOpen && !this.#isClosed) {
      const length = engine.tlsRead(this.#engine, room);
      if (length === 0) return;
      this.#events.onData(room.slice(0, length));
    }
  }

  #write(): void {
    while (!this.#isClosed && this.#waiting.length > 0) {
      const bytes = this.#waiting[0] as Uint8Array;
      const written = engine.tlsWrite(this.#engine, bytes);
      if (written === 0) return;
      if (written < bytes.length) this.#waiting[0] = bytes.subarray(written);
      else this.#waiting.shift();
      this.#take();
    }
  }

  #state() {
    engine.tlsState(this.#engine, state);
    const [flags = 0, error = 0, isAsked = 0, skipped = 0] = state;
    return { flags, error, isAsked: isAsked !== 0, skipped };
  }

  #describe(): string {
    const { clock, name, target } = this.#secured;
    const hasCertificate = target.certificate !== undefined;
    const { error } = this.#state();
    if (this.#isOpen) return `its TLS has failed (BearSSL error ${error})`;
    const shown = this.#shown() ?? [];
    return describeFault({ ...this.#state(), shown, name, hasCertificate, now: clock.wall() });
  }

  #earlyEnd(): string {
    const { isAsked } = this.#state();
    const isMissing = isAsked && this.#secured.target.certificate === undefined;
    if (isMissing) return "it wants a client certificate, and none is given";
    return "it closed the connection during the TLS handshake";
  }

  #fail(state: string): void {
    const verb = this.#isOpen ? "keep connection to" : "connect by TLS to";
    this.#end(new Failure("system", `Cannot ${verb} ${this.#secured.peer}: ${state}`));
  }

  #end(cause: Failure | undefined): void {
    this.#release();
    this.#events.onEnd(cause);
  }

  #release(): void {
    this.#isClosed = true;
    this.#waiting.length = 0;
    this.#cancel();
    engine.tlsFree(this.#engine);
    this.#connection?.close();
  }
}

/** The number of a new engine. Throws Failure. */
function openEngine({ target, name, clock }: Secured): number {
  if (!/^[\w.:-]{1,253}$/.test(name))
    throw new Failure("unsupported", `Cannot verify "${name}": it is no name`);
  const { authorities, certificates, key } = readCredentials(target);
  const number = engine.tlsOpen(
    authorities,
    certificates,
    key,
    randomBytes(48),
    clock.wall(),
    target.isUnverified ? 1 : 0,
    parseAddress(name) ? "" : name,
  );
  if (number < 0) throw openingFailure(number);
  return number;
}

/** What the library has not looked at in a certificate that it has verified. */
function objectionTo(certificate: Certificate | undefined, name: string): string | undefined {
  if (!certificate) return "its certificate cannot be read";
  if (!certificate.isForServers)
    return `its certificate, of "${certificate.subject}", is not one of a server (extendedKeyUsage)`;
  const wanted = parseAddress(name);
  if (!wanted || certificate.addresses.some((each) => equalAddresses(each, wanted)))
    return undefined;
  return describeNames(certificate, name);
}
