/** A TLS stream between a connection that the test is, and an engine that does what the test says. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Failure } from "../failure.ts";
import { FakeClock } from "../fake-clock.ts";
import type { TlsTarget } from "../stream.ts";
import type { Certificate } from "./certificate.ts";
import { engine, resetEngine } from "./fake-engine.ts";
import { TlsStream } from "./tls-stream.ts";

/** bearssl_ssl.h */
const CLOSED = 1;
const SEND_APPLICATION = 8;
const HANDSHAKE = 22;

vi.mock("host", async () => (await import("./fake-engine.ts")).fakeHost);
vi.mock("./certificate.ts", () => ({ readCertificates: () => engine.shown }));

const year = (y: number) => ({ at: Date.UTC(y), text: `${y}-01-01T00:00:00Z` });
const certificate: Certificate = {
  subject: "db",
  issuer: "ca",
  notBefore: year(2020),
  notAfter: year(2040),
  dnsNames: ["a.example"],
  addresses: [Uint8Array.of(192, 0, 2, 7)],
  isForServers: true,
};
const PEM = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";

const told: string[] = [];
const sent: number[] = [];
let clock: FakeClock;

interface Given {
  readonly name?: string;
  readonly target?: TlsTarget;
  readonly onData?: (bytes: Uint8Array, stream: TlsStream) => void;
}

/** A stream over a connection that is there already, unless it is to come. */
function over({ name = "192.0.2.7", target = { authorities: PEM }, onData }: Given = {}) {
  const stream: TlsStream = new TlsStream(
    { clock, target, name, peer: "it" },
    {
      onOpen: () => told.push("open"),
      onData: (bytes) => (onData ? onData(bytes, stream) : told.push(`data ${bytes}`)),
      onEnd: (cause) => told.push(cause ? `end ${cause.message}` : "end"),
    },
  );
  return stream.over({
    send: (bytes) => sent.push(...bytes),
    close: () => told.push("closed"),
  }) as TlsStream;
}

/** One whose connection is made; the first words of the handshake are sent. */
function connected(given?: Given): TlsStream {
  const stream = over(given);
  engine.records.push(1);
  stream.onOpen();
  return stream;
}

/** One over which both ends have agreed; what was told until then is forgotten. */
function opened(given?: Given): TlsStream {
  const stream = connected(given);
  engine.shown = [certificate];
  engine.flags = SEND_APPLICATION;
  stream.onData(Uint8Array.of(HANDSHAKE));
  for (const list of [told, sent, engine.given, engine.written, engine.calls]) list.length = 0;
  return stream;
}

beforeEach(() => {
  resetEngine();
  told.length = 0;
  sent.length = 0;
  clock = new FakeClock();
});

const refused = (state: string) => ["closed", `end Cannot connect by TLS to it: ${state}`];

describe("the handshake", () => {
  it("comes in parts, and is open when the engine is; what was to be sent goes then", () => {
    const stream = connected();
    stream.send(Uint8Array.of(7));
    expect([sent, told]).toEqual([[1], []]);
    stream.onData(Uint8Array.of(HANDSHAKE, 3));
    expect(told).toEqual([]);
    engine.events.push(() => {
      engine.shown = [certificate];
      engine.records.push(2, 3);
    });
    stream.onData(Uint8Array.of(4));
    expect([sent, engine.written, told]).toEqual([[1, 2, 3], [], []]);
    engine.events.push(() => {
      engine.flags = SEND_APPLICATION;
    });
    stream.onData(Uint8Array.of(5));
    expect([told, engine.calls]).toEqual([["open"], ["settle"]]);
    expect([engine.given, engine.written, sent]).toEqual([
      [HANDSHAKE, 3, 4, 5],
      [7],
      [1, 2, 3, 207],
    ]);
  });

  it("is given record by record, and what comes with its end is told after it", () => {
    const stream = connected();
    engine.shown = [certificate];
    engine.takes.push(2, 1);
    engine.events.push(() => {
      engine.flags = SEND_APPLICATION;
    });
    engine.events.push(() => engine.contents.push(9, 9));
    stream.onData(Uint8Array.of(HANDSHAKE, 1, 23));
    expect([engine.given, told]).toEqual([
      [HANDSHAKE, 1, 23],
      ["open", "data 9,9"],
    ]);
  });

  it("sends a name to be asked for, but no address", () => {
    over({ name: "a.example" });
    expect(engine.opened.slice(5)).toEqual([0, "a.example"]);
    over({ name: "2001:db8::1", target: { isUnverified: true } });
    expect(engine.opened.slice(5)).toEqual([1, ""]);
  });

  it("has its time, and none is told of one that has ended", () => {
    connected();
    clock.pass(9_999);
    expect(told).toEqual([]);
    clock.pass(1);
    expect(told).toEqual(refused("it does not finish the TLS handshake"));
    opened();
    clock.pass(20_000);
    expect(told).toEqual([]);
    connected().close();
    clock.pass(20_000);
    expect(told).toEqual(["closed"]);
  });

  it.each([
    [{}, "it closed the connection during the TLS handshake"],
    [{ isAsked: 1 }, "it wants a client certificate, and none is given"],
  ])("that breaks off, with %j: %s", (state, words) => {
    const stream = connected();
    stream.onData(Uint8Array.of(HANDSHAKE));
    Object.assign(engine, state);
    stream.onEnd(undefined);
    stream.onEnd(undefined);
    expect(told).toEqual(refused(words));
    expect(engine.calls).toEqual(["free"]);
  });

  it("that breaks off by a failure is told in the words of TLS, one that never began in its own", () => {
    connected().onEnd(new Failure("system", "reset"));
    expect(told.splice(0)).toEqual(refused("it closed the connection during the TLS handshake"));
    over().onEnd(new Failure("system", "Cannot connect to it: refused"));
    expect(told).toEqual(["closed", "end Cannot connect to it: refused"]);
  });

  it("with what is no TLS says so, by the first byte", () => {
    connected().onData(Uint8Array.from(Buffer.from("HTTP/1.1 400 Bad Request")));
    expect([told, engine.given]).toEqual([
      refused("it does not speak TLS; where it speaks HTTP write http:// in place of https://"),
      [],
    ]);
  });
});

describe("a certificate", () => {
  const other = { ...certificate, addresses: [Uint8Array.of(192, 0, 2, 8)] };
  const user = { ...certificate, isForServers: false };

  it.each([
    ["192.0.2.7", [other], /^its certificate is not for 192.0.2.7, but for a.example, 192.0.2.8$/],
    ["192.0.2.7", [user], /^its certificate, of "db", is not one of a server/],
    ["a.example", [user], /is not one of a server/],
    ["192.0.2.7", [], /^its certificate cannot be read$/],
  ])("is refused before anything answers it: for %s", (name, shown, words) => {
    const stream = connected({ name });
    engine.events.push(() => {
      engine.shown = shown;
      engine.records.push(2);
      engine.flags = SEND_APPLICATION;
    });
    stream.send(Uint8Array.of(7));
    stream.onData(Uint8Array.of(HANDSHAKE));
    expect([told[0], told.length, sent, engine.written]).toEqual(["closed", 2, [1], []]);
    expect(told[1]?.replace("end Cannot connect by TLS to it: ", "")).toMatch(words);
    stream.onData(Uint8Array.of(HANDSHAKE));
    expect([told.length, engine.given]).toEqual([2, [HANDSHAKE]]);
  });

  it("is anybody's where none is verified", () => {
    const stream = connected({ target: { isUnverified: true } });
    Object.assign(engine, { shown: [user], flags: SEND_APPLICATION });
    stream.onData(Uint8Array.of(HANDSHAKE));
    expect(told).toEqual(["open"]);
  });

  it.each([
    [62, 'none of the trusted authorities has signed its certificate, but "ca"; give that'],
    [54, "its certificate has expired, or is not valid yet"],
    [256 + 70, "it wants TLS 1.3 or newer"],
  ])("that the engine refuses, or an alert, has words: %i", (error, words) => {
    const stream = connected();
    Object.assign(engine, { shown: [certificate], error, flags: CLOSED });
    stream.onData(Uint8Array.of(HANDSHAKE));
    expect(told[1]).toContain(`Cannot connect by TLS to it: ${words}`);
  });
});

describe("what is sent", () => {
  it("goes in order, record by record, and waits until the engine takes more", () => {
    const stream = opened();
    engine.writes.push(2, 0);
    stream.send(Uint8Array.of(1, 2, 3));
    engine.writes.push(0);
    stream.send(Uint8Array.of(4));
    expect([engine.written, sent]).toEqual([
      [1, 2],
      [201, 202],
    ]);
    stream.onData(Uint8Array.of(22));
    expect([engine.written, sent]).toEqual([
      [1, 2, 3, 4],
      [201, 202, 203, 204],
    ]);
  });

  it("is nothing any more once it has ended", () => {
    const stream = opened();
    stream.close();
    expect([engine.calls, sent, told.splice(0)]).toEqual([["end", "free"], [21], ["closed"]]);
    stream.send(Uint8Array.of(1));
    stream.close();
    stream.onData(Uint8Array.of(23));
    stream.onEnd(undefined);
    expect([engine.written, engine.given, told]).toEqual([[], [], []]);
  });
});

describe("what comes", () => {
  it("is told as it was, though the engine has something to send at the same time", () => {
    const stream = opened();
    engine.events.push(() => {
      engine.contents.push(1, 2, 3);
      engine.records.push(99, 98, 97);
      engine.flags = CLOSED;
    });
    stream.onData(Uint8Array.of(23));
    expect([told, sent]).toEqual([
      ["data 1,2,3", "closed", "end"],
      [99, 98, 97],
    ]);
  });

  it("is told whole where it is more than there is room for", () => {
    let length = 0;
    const stream = opened({ onData: (bytes) => (length += bytes.length) });
    engine.events.push(() => engine.contents.push(...new Array<number>(100_000).fill(1)));
    engine.takes.push(5, 0, 0, 0);
    stream.onData(Uint8Array.of(23, 1, 1, 1, 1));
    expect(length).toBe(100_000);
  });

  it("may be the last that is wanted: nothing is read or told then", () => {
    const stream = opened({ onData: (_, self) => self.close() });
    engine.events.push(() => engine.contents.push(...new Array<number>(40_000).fill(1)));
    stream.onData(Uint8Array.of(23));
    expect([told, engine.contents.length]).toEqual([["closed"], 40_000 - 32_768]);
  });
});

describe("the end", () => {
  const kept = (state: string) => ["closed", `end Cannot keep connection to it: ${state}`];

  it("is the other end's word (close_notify), once", () => {
    const stream = opened();
    engine.flags = CLOSED;
    stream.onData(Uint8Array.of(21));
    stream.onEnd(undefined);
    expect([told, engine.calls]).toEqual([["closed", "end"], ["free"]]);
  });

  it("without that word is a failure: somebody may have cut off what was said", () => {
    opened().onEnd(undefined);
    expect(told).toEqual(kept("the other end closed it without a word"));
  });

  it("is what the connection failed by", () => {
    opened().onEnd(new Failure("system", "Cannot keep connection to it: reset"));
    expect(told).toEqual(kept("reset"));
  });

  it("is a record that was changed on its way", () => {
    const stream = opened();
    Object.assign(engine, { error: 2, flags: CLOSED });
    stream.onData(Uint8Array.of(23));
    expect(told).toEqual(kept("its TLS has failed (BearSSL error 2)"));
  });
});

it.each(["a b", ""])("there is none to %j, which is no name", (name) => {
  expect(() => over({ name })).toThrow(`Cannot verify "${name}": it is no name`);
  expect(engine.opened).toEqual([]);
});
