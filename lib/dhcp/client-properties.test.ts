/** What holds of a client whatever happens to it, and whatever servers and neighbours say. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { answerFrame, CLIENT_MAC, hex, ip, ips, readSent, u32 } from "../../tools/dhcp-server.ts";
import { Client, type ClientEvent } from "./client.ts";
import type { Lease } from "./lease.ts";
import type { MessageType } from "./packet.ts";

/** One thing that happens, after some time. */
type Step =
  | { readonly kind: "event"; readonly event: ClientEvent }
  | { readonly kind: "wake" }
  | { readonly kind: "wait"; readonly time: number }
  | { readonly kind: "answer"; readonly answer: Told };

interface Told {
  readonly type: keyof typeof MessageType;
  readonly address: string;
  readonly server: string;
  readonly times: readonly number[];
  /** Bytes that are written over the frame's. */
  readonly damage: readonly (readonly [number, number])[];
}

const FOREVER = 0xffffffff;
const byte = fc.integer({ min: 0, max: 255 });
const seconds = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 4_000 }) },
  fc.constantFrom(0, 1, FOREVER),
);

const answer: fc.Arbitrary<Told> = fc.record({
  type: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom("offer", "ack") },
    fc.constantFrom("nak", "discover"),
  ),
  address: fc.oneof(
    { weight: 5, arbitrary: fc.constant("10.1.0.20") },
    fc.constantFrom("10.1.0.21", "0.0.0.0", "224.0.0.1"),
  ),
  server: fc.oneof(
    { weight: 5, arbitrary: fc.constant("10.1.0.1") },
    fc.constantFrom("10.1.0.2", ""),
  ),
  times: fc.array(seconds, { minLength: 1, maxLength: 3 }),
  damage: fc.oneof(
    { weight: 5, arbitrary: fc.constant([]) },
    fc.array(fc.tuple(fc.nat(330), byte), { maxLength: 2 }),
  ),
});

const arpReply = hex(`ffffffffffff 020000000099 0806 0001 0800 06 04 0002
  020000000099 0a010014 000000000000 00000000`);

const event: fc.Arbitrary<ClientEvent> = fc.oneof(
  { weight: 3, arbitrary: fc.boolean().map((isUp): ClientEvent => ({ kind: "link", isUp })) },
  fc.constantFrom<ClientEvent>(
    { kind: "start" },
    { kind: "time" },
    { kind: "conflict" },
    { kind: "frame", frame: arpReply },
    { kind: "link", isUp: true, mac: CLIENT_MAC },
  ),
  fc.uint8Array({ maxLength: 400 }).map((frame): ClientEvent => ({ kind: "frame", frame })),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: answer.map((told): Step => ({ kind: "answer", answer: told })) },
  { weight: 6, arbitrary: fc.constant<Step>({ kind: "wake" }) },
  { weight: 2, arbitrary: fc.nat(5_000_000).map((time): Step => ({ kind: "wait", time })) },
  { weight: 2, arbitrary: fc.nat(3_000).map((time): Step => ({ kind: "wait", time })) },
  { weight: 3, arbitrary: event.map((what): Step => ({ kind: "event", event: what })) },
);

interface Run {
  readonly chances: readonly number[];
  readonly detectsConflicts: boolean;
  readonly restored: Lease | undefined;
  readonly steps: readonly Step[];
}

const lease: fc.Arbitrary<Lease> = seconds.map((end) => ({
  address: ip("10.1.0.20"),
  server: ip("10.1.0.1"),
  serverMac: hex("020000000001"),
  acquiredAt: 0,
  renewAt: end * 500,
  rebindAt: end * 800,
  expiresAt: end * 1000,
  options: new Map([[1, ips("255.255.255.0")]]),
}));

const run: fc.Arbitrary<Run> = fc.record({
  chances: fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), {
    minLength: 1,
    maxLength: 20,
  }),
  detectsConflicts: fc.boolean(),
  restored: fc.option(lease, { nil: undefined }),
  steps: fc.array(step, { maxLength: 60 }),
});

/** Plays a run, and looks at the client after each of its steps. */
class Play {
  readonly client: Client;
  readonly seen = { sent: 0, bound: 0, renewed: 0, lost: 0, failed: 0, ignored: 0 };
  #now = 1_000;
  #xid = 0;
  /** The lease as somebody knows it who was told everything. */
  #told: Lease | undefined;

  constructor({ chances, detectsConflicts }: Run) {
    let turn = 0;
    this.client = new Client(
      {
        mac: CLIENT_MAC,
        provide: new Map([[61, hex("0063")]]),
        request: [1, 3],
        broadcast: false,
        detectsConflicts,
        timing: { timeout: 4_000, resendMax: 62_000, resendTimeout: 208_000 },
      },
      () => chances[turn++ % chances.length] ?? 0,
    );
  }

  /** For how long it has been playing. */
  get seconds(): number {
    return this.#now / 1000;
  }

  take(what: Step): void {
    if (what.kind === "event") this.tell(what.event);
    else if (what.kind === "answer") this.tell({ kind: "frame", frame: this.#frame(what.answer) });
    else {
      const at = what.kind === "wait" ? this.#now + what.time : this.client.wakeAt;
      if (at < Infinity) this.#now = Math.max(this.#now, at);
      this.tell({ kind: "time" });
    }
  }

  #frame({ type, address, server, times, damage }: Told): Uint8Array {
    const options = times.map((time, i) => [[51, 58, 59][i] ?? 51, u32(time)] as const);
    const frame = answerFrame({ type, xid: this.#xid, address, server, options });
    for (const [at, value] of damage) frame[at] = value;
    return frame;
  }

  tell(what: ClientEvent): void {
    const before = this.client.state;
    const actions = this.client.handle(what, this.#now);
    assert.deepEqual(before === "over" ? actions : [], []);
    for (const action of actions) {
      if (action.kind === "send") this.#send(action.frame);
      else this.seen[action.kind]++;
      if (action.kind === "bound") expect(this.#told).toBeUndefined();
      if (action.kind === "renewed") expect(this.#told).toBeDefined();
      if (action.kind === "bound" || action.kind === "renewed") this.#told = action.lease;
      if (action.kind === "lost") {
        expect(action.lease).toBe(this.#told);
        this.#told = undefined;
      }
    }
    if (what.kind === "restore" && before === "idle") this.#told ??= this.client.lease;
    if (what.kind === "release") this.#told = undefined;
    this.#look(actions.filter(({ kind }) => kind === "send").length);
  }

  #send(frame: Uint8Array): void {
    this.seen.sent++;
    if (frame[13] === 0) this.#xid = readSent(frame).message.xid;
  }

  /** By node:assert, as vitest's `expect` costs more than all that is tested. */
  #look(sent: number): void {
    const { state, lease: held, wakeAt } = this.client;
    assert.equal(held, this.#told);
    assert((held?.expiresAt ?? Infinity) > this.#now, "holds a lease that has expired");
    assert(wakeAt > this.#now, `wants to be woken at ${wakeAt}, ${this.#now} is now`);
    assert(sent <= 2, `sent ${sent} frames at once`);
    if (state === "over") assert.equal(wakeAt, Infinity);
    const isKept = state === "bound" || state === "renewing" || state === "rebinding";
    assert.equal(held !== undefined, isKept || state === "rebooting");
  }
}

describe("every client", () => {
  it("never throws, never spins, and knows of its lease what it has said of it", () => {
    const all = { sent: 0, bound: 0, renewed: 0, lost: 0, failed: 0, ignored: 0 };
    fc.assert(
      fc.property(run, (given) => {
        const play = new Play(given);
        const { restored } = given;
        if (restored && restored.expiresAt > 1_000) play.tell({ kind: "restore", lease: restored });
        else play.tell({ kind: "start" });
        for (const what of given.steps) play.take(what);
        for (const key of Object.keys(all) as (keyof typeof all)[]) all[key] += play.seen[key];
        play.tell({ kind: "release" });
        expect(play.client.state).toBe("over");
      }),
      { seed: 20, numRuns: 1000 },
    );
    expect(Math.min(...Object.values(all))).toBeGreaterThan(10);
  });

  it("sends no more than a frame a second in the long run, though it is answered at once", () => {
    fc.assert(
      fc.property(answer, fc.double({ min: 0, max: 0.99, noNaN: true }), (told, chance) => {
        const settled = { chances: [0.5, chance], detectsConflicts: false, restored: undefined };
        const play = new Play({ ...settled, steps: [] });
        play.tell({ kind: "start" });
        const forMinute = { ...told, times: [60, ...told.times.slice(1)] };
        for (let turn = 0; turn < 100; turn++) {
          play.take({ kind: "answer", answer: { ...forMinute, type: "offer" } });
          play.take({ kind: "answer", answer: forMinute });
          play.take({ kind: "wake" });
        }
        expect(play.seen.sent).toBeLessThanOrEqual(10 + play.seconds);
      }),
      { seed: 20, numRuns: 200 },
    );
  });
});
