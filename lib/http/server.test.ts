/** The small server, whatever it is sent and in whatever pieces. */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { FakeClock } from "../../tools/fake-network.ts";
import { httpService, type Respond } from "./server.ts";

vi.mock("host", () => ({ encode: (text: string) => new TextEncoder().encode(text) }));

const respond: Respond = (path) =>
  path === "/x" ? { status: 200, type: "text/plain", body: "é\n" } : undefined;

/** One connection, and all that was sent back by it. */
class Connection {
  readonly clock = new FakeClock();
  said = "";
  state: "open" | "finished" | "closed" = "open";
  readonly #listener = httpService(
    this.clock,
    respond,
  )({
    send: (bytes) => {
      this.said += Buffer.from(bytes).toString();
    },
    finish: () => {
      this.state = "finished";
    },
    close: () => {
      this.state = "closed";
    },
  });

  give(text: string | Uint8Array): this {
    this.#listener.onData(Buffer.from(text));
    return this;
  }

  get status(): number {
    return Number(/^HTTP\/1\.1 (\d+) /.exec(this.said)?.[1]);
  }
}

const question = (line: string) => `${line}\r\nHost: a\r\nUser-Agent: b\r\n\r\n`;

describe("a question", () => {
  it("is answered, and the connection ends", () => {
    const connection = new Connection().give(question("GET /x?y=z HTTP/1.1"));
    expect(connection.said).toBe(
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nCache-Control: no-store\r\n" +
        "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\né\n",
    );
    expect(connection.state).toBe("finished");
  });

  it("for the head only has the length of the whole", () => {
    const { said } = new Connection().give(question("HEAD /x HTTP/1.1"));
    expect(said).toContain("Content-Length: 3\r\n");
    expect(said).toMatch(/close\r\n\r\n$/);
  });

  it.each([
    ["GET /x HTTP/1.0\n\n", 200],
    [question("GET /y HTTP/1.1"), 404],
    [question("GET /x/../x HTTP/1.1"), 404],
    [question("POST /x HTTP/1.1"), 405],
    [question("GET x HTTP/1.1"), 400],
    [question("PRI * HTTP/2.0"), 400],
    ["GET /x HTTP/1.1\r\n\r\n", 400],
    ["GET /x HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400],
    ["\r\n\r\n", 400],
    ["\x16\x03\x01\r\n\r\n", 400],
    [`GET /${"x".repeat(8200)} HTTP/1.1\r\n`, 431],
    [`GET /x HTTP/1.1\r\n${"A: b\r\n".repeat(2000)}\r\n`, 431],
  ])("%# is answered by its status, in any pieces", (text, status) => {
    expect(new Connection().give(text).status).toBe(status);
    const connection = new Connection();
    for (const byte of Buffer.from(text)) connection.give(Uint8Array.of(byte));
    expect(connection.status).toBe(status);
    expect(connection.state).toBe("finished");
  });

  it("is answered once, whatever follows", () => {
    const text = question("GET /x HTTP/1.1");
    const connection = new Connection().give(text + text).give(text);
    expect(connection.said.match(/HTTP/g)).toHaveLength(1);
  });

  it("that does not come in time ends the connection", () => {
    const connection = new Connection().give("GET ");
    connection.clock.pass(9_999);
    expect(connection.state).toBe("open");
    connection.clock.pass(1);
    expect(connection).toMatchObject({ state: "closed", said: "" });
  });

  it("of junk gets one answer or none", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (pieces) => {
        const connection = new Connection();
        for (const each of pieces) connection.give(each);
        expect(connection.said).toMatch(/^$|^HTTP\/1\.1 4/);
      }),
    );
  });
});
