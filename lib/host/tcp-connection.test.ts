/** A connection on a loop that the test turns, over a kernel that does what the test says. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { EPOLLIN, EPOLLOUT, type EventLoop } from "./epoll.ts";
import { EAGAIN, EINTR } from "./errno.ts";
import { TcpConnection } from "./tcp-connection.ts";

const EPIPE = 32;
const ECONNRESET = 104;

const kernel = vi.hoisted(() => ({
  /** What each send and each receive returns next; bytes are what comes. */
  sends: [] as number[],
  receives: [] as (number | Uint8Array)[],
  sent: [] as number[],
}));

vi.mock("host", () => ({
  send(_: number, bytes: Uint8Array) {
    const outcome = kernel.sends.shift() ?? bytes.length;
    if (outcome > 0) kernel.sent.push(...bytes.subarray(0, outcome));
    return outcome;
  },
  receive(_: number, room: Uint8Array) {
    const outcome = kernel.receives.shift() ?? -11;
    if (typeof outcome === "number") return outcome;
    room.set(outcome);
    return outcome.length;
  },
}));
vi.mock("./tcp-socket.ts", () => ({
  tendConnection: () => {},
  networkFailure: (verb: string, peer: string, errno: number) => `${verb} ${peer}: ${errno}`,
}));

const told: string[] = [];
let watched = 0;
let turn: (ready: number) => void = () => {};
const loop = {
  watch(_: number, events: number, handler: (ready: number) => void) {
    watched = events;
    turn = handler;
  },
  close: () => void told.push("closed"),
} as unknown as EventLoop;

function open(
  onData: (bytes: Uint8Array) => void = (bytes) => told.push(`data ${bytes}`),
): TcpConnection {
  const onEnd = (cause: unknown) => void told.push(`end ${cause}`);
  const connection = new TcpConnection(loop, { fd: 7, peer: "it" }, { onData, onEnd });
  connection.start();
  return connection;
}

beforeEach(() => {
  for (const list of [kernel.sends, kernel.receives, kernel.sent, told]) list.length = 0;
});

describe("what is sent", () => {
  it("goes out in order, as much at a time as the kernel takes", () => {
    kernel.sends.push(2, -EAGAIN);
    const connection = open();
    connection.send(Uint8Array.of(1, 2, 3));
    connection.send(Uint8Array.of(4, 5));
    expect([kernel.sent, watched]).toEqual([[1, 2], EPOLLIN | EPOLLOUT]);
    kernel.sends.push(-EINTR);
    turn(EPOLLOUT);
    expect(kernel.sent).toEqual([1, 2]);
    turn(EPOLLOUT);
    expect([kernel.sent, watched]).toEqual([[1, 2, 3, 4, 5], EPOLLIN]);
  });

  it("waits until the connection is made, and is gone with one that is closed", () => {
    const connection = new TcpConnection(
      loop,
      { fd: 7, peer: "it" },
      { onData: () => {}, onEnd: () => {} },
    );
    connection.send(Uint8Array.of(1));
    expect(kernel.sent).toEqual([]);
    connection.start();
    expect(kernel.sent).toEqual([1]);
    connection.close();
    connection.send(Uint8Array.of(2));
    connection.close();
    expect([kernel.sent, told]).toEqual([[1], ["closed"]]);
  });

  it("is finished before the connection is", () => {
    kernel.sends.push(-EAGAIN);
    const connection = open();
    connection.send(Uint8Array.of(1));
    connection.finish();
    connection.send(Uint8Array.of(2));
    expect(told).toEqual([]);
    turn(EPOLLOUT);
    expect([kernel.sent, told]).toEqual([[1], ["closed"]]);
  });
});

describe("the end", () => {
  it("is told once, after all that has come", () => {
    open();
    kernel.receives.push(Uint8Array.of(1, 2));
    turn(EPOLLIN);
    kernel.receives.push(0);
    turn(EPOLLIN);
    expect(told).toEqual(["data 1,2", "closed", "end undefined"]);
  });

  it("is a reset, with its number", () => {
    open();
    kernel.receives.push(-ECONNRESET);
    turn(EPOLLIN);
    expect(told).toEqual(["closed", `end keep connection to it: ${ECONNRESET}`]);
  });

  it("is a failure to send, once what the other end had to say has been read", () => {
    kernel.sends.push(-EPIPE);
    const connection = open();
    connection.send(Uint8Array.of(1));
    expect(told).toEqual([]);
    kernel.receives.push(Uint8Array.of(9), 0);
    turn(EPOLLIN);
    turn(EPOLLIN);
    expect(told).toEqual(["data 9", "closed", `end keep connection to it: ${EPIPE}`]);
  });

  it("may come from who is told of data: nothing is read or told then", () => {
    const connection: TcpConnection = open(() => connection.close());
    kernel.receives.push(new Uint8Array(32_768), Uint8Array.of(1));
    turn(EPOLLIN);
    expect([told, kernel.receives.length]).toEqual([["closed"], 1]);
  });
});
