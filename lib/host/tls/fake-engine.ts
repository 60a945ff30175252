/** In the place of BearSSL in a test: an engine of one connection, which does what the test says. */

const nothing = {
  /** What it has ready: records to be sent, and what was in those that came. */
  records: [] as readonly number[],
  contents: [] as readonly number[],
  /** How many bytes each next call takes of what it is given, or is to send: all unless said. */
  takes: [] as readonly number[],
  writes: [] as readonly number[],
  /** What happens to it with each next call that gives it records. */
  events: [] as readonly (() => void)[],
  /** What it was given, what it was to send, and what else it was asked. */
  given: [] as readonly number[],
  written: [] as readonly number[],
  calls: [] as readonly string[],
  opened: [] as readonly unknown[],
};

type Lists = { -readonly [K in keyof typeof nothing]: (typeof nothing)[K][number][] };

/** The state of the engine: lists as above, what tlsState fills, and whom it is shown. */
export const engine = {
  ...(structuredClone(nothing) as Lists),
  flags: 0,
  error: 0,
  isAsked: 0,
  shown: undefined as readonly unknown[] | undefined,
};

/** As it is before it is opened. */
export function resetEngine(): void {
  Object.assign(engine, structuredClone(nothing));
  Object.assign(engine, { flags: 0, error: 0, isAsked: 0, shown: undefined });
}

/** The module "host", as far as TLS needs it; what is written becomes a record of bytes from 200 on. */
export const fakeHost = {
  random: () => 0,
  agent: () => ({
    tlsOpen(...words: readonly unknown[]) {
      engine.opened = [...words];
      return 1;
    },
    tlsGive: (_: number, records: Uint8Array) => give(records),
    tlsTake: (_: number, into: Uint8Array) => move(engine.records, into),
    tlsRead: (_: number, into: Uint8Array) => move(engine.contents, into),
    tlsPass(...[, records, into, taken]: [number, Uint8Array, Uint8Array, Int32Array]) {
      taken[0] = give(records);
      return move(engine.contents, into);
    },
    tlsWrite(_: number, bytes: Uint8Array) {
      const now = bytes.subarray(0, engine.writes.shift());
      engine.written.push(...now);
      engine.records.push(...now.map((byte) => 200 + byte));
      return now.length;
    },
    tlsShown: () => (engine.shown ? 1 : 0),
    tlsState(_: number, into: Int32Array) {
      into.set([engine.flags, engine.error, engine.isAsked, 0]);
      return 0;
    },
    tlsSettle: () => void engine.calls.push("settle"),
    tlsEnd() {
      engine.calls.push("end");
      engine.records.push(21);
    },
    tlsFree: () => void engine.calls.push("free"),
  }),
};

/** As much as there is room for. */
function move(from: number[], into: Uint8Array): number {
  const bytes = from.splice(0, into.length);
  into.set(bytes);
  return bytes.length;
}

function give(records: Uint8Array): number {
  const now = records.subarray(0, engine.takes.shift());
  engine.given.push(...now);
  engine.events.shift()?.();
  return now.length;
}
