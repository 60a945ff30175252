/** The client, on a network that does what the test says. */
import { describe, expect, it, vi } from "vitest";
import {
  answerText,
  FakeClock,
  type FakeConnection,
  FakeNetwork,
} from "../../tools/fake-network.ts";
import { Failure } from "../host/failure.ts";
import type { Answer } from "./answer.ts";
import { HttpClient } from "./client.ts";
import { parseEndpoint } from "./endpoint.ts";
import { HttpFailure } from "./failure.ts";
import type { Request } from "./request.ts";

vi.mock("host", () => ({
  encode: (text: string) => new TextEncoder().encode(text),
  decode(bytes: Uint8Array) {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      return undefined;
    }
  },
}));

const NAME = "http://192.0.2.1:2379";
const request: Request = { method: "POST", path: "/v3/kv/range?x=y", body: '{"é":1}' };

/** A client, its network, and what it has been told. */
class Lab {
  readonly clock = new FakeClock();
  readonly network = new FakeNetwork();
  readonly told: string[] = [];
  readonly client: HttpClient;

  constructor(url = NAME) {
    const endpoint = parseEndpoint(url);
    if (!endpoint) throw new Error(url);
    this.client = new HttpClient(endpoint, { open: this.network.open, clock: this.clock });
  }

  ask(most = 100, what = request) {
    const cancel = this.client.ask(what, { deadline: 5_000, most }, (answer) => this.tell(answer));
    this.clock.pass(0);
    return cancel;
  }

  follow(most = 100) {
    const cancel = this.client.follow(
      { method: "GET", path: "/watch" },
      { deadline: 5_000, silence: 60_000, most },
      {
        onStart: () => this.told.push("started"),
        onLine: (line) => this.told.push(line),
        onEnd: (why) => (why ? this.tell(why) : this.told.push("ended")),
      },
    );
    this.clock.pass(0);
    return cancel;
  }

  tell(what: Answer | HttpFailure): void {
    if (what instanceof HttpFailure) this.told.push(`${what.fault}: ${what.message}`);
    else this.told.push(`${what.status} ${Buffer.from(what.body).toString()}`);
  }

  get last(): FakeConnection {
    return this.network.last;
  }
}

const refused = new Failure("system", "Cannot connect to 192.0.2.1:2379: ECONNREFUSED", {
  errno: 111,
});

describe("ask", () => {
  it("sends one request and tells its answer", () => {
    const lab = new Lab();
    lab.ask();
    expect(lab.last.target).toEqual({ host: "192.0.2.1", port: 2379, tls: undefined });
    expect(lab.last.open().take()).toBe(
      "POST /v3/kv/range?x=y HTTP/1.1\r\nHost: 192.0.2.1:2379\r\nUser-Agent: weft\r\n" +
        'Accept: application/json\r\nContent-Length: 8\r\n\r\n{"é":1}',
    );
    lab.last.give(answerText("hello", 403));
    expect(lab.told).toEqual(["403 hello"]);
  });

  it("uses a connection again, until it is idle for long", () => {
    const lab = new Lab();
    for (let i = 0; i < 3; i++) {
      lab.ask();
      lab.last.open().give(answerText(`${i}`));
    }
    expect(lab.network.connections).toHaveLength(1);
    lab.clock.pass(5_000);
    expect(lab.last.isClosed).toBe(true);
    lab.ask();
    expect(lab.network.connections).toHaveLength(2);
  });

  it("makes another connection while one is busy, and after Connection: close", () => {
    const lab = new Lab();
    lab.ask();
    lab.ask();
    const [first, second] = lab.network.connections;
    first?.open().give(answerText("1", 200, "Connection: close\r\n"));
    second?.open().give(answerText("2"));
    expect(lab.told).toEqual(["200 1", "200 2"]);
    expect([first?.isClosed, second?.isClosed]).toEqual([true, false]);
  });

  it("asks once more if a kept connection turns out to be closed, and only then", () => {
    const lab = new Lab();
    lab.ask();
    lab.last.open().give(answerText("1"));
    lab.ask();
    lab.last.end();
    expect(lab.network.connections).toHaveLength(2);
    lab.last.open().end();
    expect(lab.told).toEqual([
      "200 1",
      `away: Cannot POST ${NAME}/v3/kv/range: the connection ended without an answer`,
    ]);
  });

  it.each([
    [
      "away",
      "cannot connect to 192.0.2.1:2379: ECONNREFUSED",
      (to: FakeConnection) => to.end(refused),
    ],
    [
      "away",
      "the answer breaks off",
      (to: FakeConnection) => to.open().give("HTTP/1.1 200 O").end(),
    ],
    [
      "garbled",
      'the answer is not HTTP/1.1: it begins with "<html>"',
      (to: FakeConnection) => to.open().give("<html>\n\n"),
    ],
    [
      "long",
      "the answer is longer than 100 bytes",
      (to: FakeConnection) => to.open().give(answerText("x".repeat(101))),
    ],
    [
      "long",
      "the answer is longer than 100 bytes",
      (to: FakeConnection) => {
        to.open().give("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (let i = 0; i < 101; i++) to.give("1\r\nx\r\n");
      },
    ],
  ])("tells that it is %s (%#)", (fault, state, act) => {
    const lab = new Lab();
    lab.ask();
    act(lab.last);
    expect(lab.told).toEqual([`${fault}: Cannot POST ${NAME}/v3/kv/range: ${state}`]);
    expect(lab.last.isClosed).toBe(true);
    lab.clock.pass(60_000);
    expect(lab.told).toHaveLength(1);
  });

  it("has a time limit for the whole answer", () => {
    const lab = new Lab();
    lab.ask();
    lab.last.open();
    for (let i = 0; i < 10; i++) {
      lab.clock.pass(600);
      lab.last.give(i === 0 ? "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n" : "x");
    }
    expect(lab.told).toEqual([`late: Cannot POST ${NAME}/v3/kv/range: no answer within 5 s`]);
  });

  it("tells nothing once it is cancelled, or the client is closed", () => {
    const lab = new Lab();
    lab.ask()();
    expect(lab.last.isClosed).toBe(true);
    lab.client.ask(request, { deadline: 1, most: 1 }, (what) => lab.tell(what))();
    lab.ask();
    lab.client.close();
    lab.clock.pass(10_000);
    expect(lab.told).toEqual([]);
    expect(lab.network.connections.map(({ isClosed }) => isClosed)).toEqual([true, true]);
  });

  it("sends no line breaks that a header or a path brings", () => {
    const lab = new Lab();
    lab.ask(100, { method: "GET", path: "/", headers: { Authorization: "a\r\nB: c" } });
    lab.ask(100, { method: "GET", path: "/a b" });
    const state = "its path or a header has a line break, or is not ASCII";
    expect(lab.told).toEqual([
      `unfit: Cannot GET ${NAME}/: ${state}`,
      `unfit: Cannot GET ${NAME}/a b: ${state}`,
    ]);
  });

  it("hears of a stream that ends before it has begun", () => {
    const lab = new Lab();
    lab.network.onConnect = (connection) => connection.end(refused);
    lab.ask();
    expect(lab.told).toEqual([
      `away: Cannot POST ${NAME}/v3/kv/range: cannot connect to 192.0.2.1:2379: ECONNREFUSED`,
    ]);
  });
});

const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

describe("follow", () => {
  it("tells lines as they come, however they are cut", () => {
    const lab = new Lab();
    lab.follow();
    lab.last.open().give(chunked).give(chunk("one\ntw")).give(chunk("o\n\n")).give(chunk("rest"));
    expect(lab.told).toEqual(["started", "one", "two"]);
    lab.last.give("0\r\n\r\n");
    expect(lab.told).toEqual(["started", "one", "two", "rest", "ended"]);
  });

  it("tells a refusal whole", () => {
    const lab = new Lab();
    lab.follow();
    lab.last.open().give(answerText("no\nway", 410));
    expect(lab.told).toEqual(["410 no\nway"]);
  });

  it("notices silence", () => {
    const lab = new Lab();
    lab.follow();
    lab.last.open().give(chunked);
    lab.clock.pass(59_000);
    lab.last.give(chunk("a\n"));
    lab.clock.pass(59_000);
    expect(lab.told).toEqual(["started", "a"]);
    lab.clock.pass(1_000);
    expect(lab.told[2]).toBe(`late: Cannot GET ${NAME}/watch: nothing has come for 60 s`);
  });

  it.each([
    ["long: ", "a line of it is longer than 100 bytes", chunk("x".repeat(102))],
    ["garbled: ", 'a chunk\'s length is "?"', "?\r\n"],
  ])("ends with what cannot be read (%#)", (fault, state, text) => {
    const lab = new Lab();
    lab.follow();
    lab.last.open().give(chunked).give(text);
    expect(lab.told).toEqual(["started", `${fault}Cannot GET ${NAME}/watch: ${state}`]);
  });

  it("can be ended by who hears a line", () => {
    const lab = new Lab();
    const told = lab.told;
    const cancel = lab.client.follow(
      { method: "GET", path: "/" },
      { deadline: 1_000, silence: 1_000, most: 10 },
      {
        onStart: () => {},
        onLine: (line) => told.push(line) && cancel(),
        onEnd: () => told.push("end"),
      },
    );
    lab.clock.pass(0);
    lab.last.open().give(chunked).give(chunk("a\nb\n"));
    lab.clock.pass(5_000);
    expect(told).toEqual(["a"]);
    expect(lab.last.isClosed).toBe(true);
  });
});

describe("read", () => {
  const read = (lab: Lab, most = 100) => {
    lab.client.read(
      { method: "GET", path: "/list" },
      { deadline: 5_000, silence: 60_000, most },
      {
        onPiece: (bytes) => lab.told.push(Buffer.from(bytes).toString()),
        onEnd: (why) => (why ? lab.tell(why) : lab.told.push("whole")),
      },
    );
    lab.clock.pass(0);
    return lab.last.open();
  };

  it("tells pieces as they come, and that it was all", () => {
    const lab = new Lab();
    read(lab).give(chunked).give(chunk("one")).give(chunk("two")).give("0\r\n\r\n");
    expect(lab.told).toEqual(["one", "two", "whole"]);
  });

  it("tells a refusal whole", () => {
    const lab = new Lab();
    read(lab).give(answerText("no", 403));
    expect(lab.told).toEqual(["403 no"]);
  });

  it("tells what breaks off, is silent, or too long", () => {
    for (const [wrong, words] of [
      [(lab: Lab) => lab.last.end(), "away: "],
      [(lab: Lab) => lab.clock.pass(60_000), "late: "],
      [(lab: Lab) => lab.last.give(chunk("x".repeat(98))), "long: "],
    ] as const) {
      const lab = new Lab();
      read(lab).give(chunked).give(chunk("one"));
      wrong(lab);
      expect(lab.told).toEqual(["one", expect.stringContaining(words)]);
    }
  });
});

describe("an endpoint", () => {
  it.each([
    ["http://a", "http://a:80", false, "a", 80, ""],
    ["HTTPS://a.b:6443/x/y/", "https://a.b:6443", true, "a.b", 6443, "/x/y"],
    ["http://[2001:db8::1]:2379/", "http://[2001:db8::1]:2379", false, "2001:db8::1", 2379, ""],
  ])("%s is read", (text, name, isSecure, host, port, path) => {
    expect(parseEndpoint(text)).toEqual({ name, isSecure, host, port, path });
  });

  it.each([
    "",
    "a:1",
    "ftp://a",
    "http://",
    "http://a:0",
    "http://a:65536",
    "http://u:p@a",
    "http://[1.2.3.4]",
    "http://a b",
    "http://a?x",
  ])("%j is none", (text) => {
    expect(parseEndpoint(text)).toBeUndefined();
  });
});
