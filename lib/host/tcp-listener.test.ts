/** A listener on a loop that the test turns, over a kernel that does what the test says. */
import { beforeEach, expect, it, vi } from "vitest";
import type { EventLoop } from "./epoll.ts";
import { EMFILE } from "./errno.ts";
import { type AcceptedStream, listenTcp } from "./tcp-listener.ts";

const LISTENER = 3;

/** asm-generic/errno-base.h: nothing is there. */
const AGAIN = 11;

const kernel = vi.hoisted(() => ({
  /** What each accept returns next. */
  accepted: [] as number[],
  closed: [] as number[],
}));

vi.mock("host", () => ({
  accept: () => kernel.accepted.shift() ?? -AGAIN,
  close: (fd: number) => void kernel.closed.push(fd),
  receive: () => -AGAIN,
}));
vi.mock("./tcp-socket.ts", () => ({
  listenAtEndpoint: () => LISTENER,
  tendConnection: () => {},
}));

/** What is watched, by descriptors, and what is to be done later. */
let watched: Map<number, () => void>;
let later: (() => void)[];
const loop = {
  watch(fd: number, events: number, handler: () => void) {
    if (events === 0) watched.delete(fd);
    else watched.set(fd, handler);
  },
  close(fd: number) {
    watched.delete(fd);
    kernel.closed.push(fd);
  },
  after(_: number, act: () => void) {
    later.push(act);
    return () => void later.splice(later.indexOf(act), 1);
  },
} as unknown as EventLoop;

let streams: AcceptedStream[];

function listen(): () => void {
  const endpoint = { address: Uint8Array.of(192, 0, 2, 1), port: 80 };
  return listenTcp(loop, endpoint, (stream) => {
    streams.push(stream);
    return { onData: () => {}, onEnd: () => {} };
  });
}

/** So many clients come; whether the listener hears of them. */
function come(...descriptors: readonly number[]): boolean {
  kernel.accepted.push(...descriptors);
  for (let i = 0; i < descriptors.length; i++) watched.get(LISTENER)?.();
  return watched.has(LISTENER);
}

beforeEach(() => {
  kernel.accepted.length = 0;
  kernel.closed.length = 0;
  watched = new Map();
  later = [];
  streams = [];
});

it("serves each client, and nobody where there is none after all", () => {
  listen();
  come(10, 11);
  watched.get(LISTENER)?.();
  expect([streams.length, [...watched.keys()]]).toEqual([2, [LISTENER, 10, 11]]);
});

it("closes at once who is one too many, and takes others when some have gone", () => {
  listen();
  const many = Array.from({ length: 64 }, (_, i) => 100 + i);
  come(...many, 7);
  expect([streams.length, kernel.closed]).toEqual([64, [7]]);
  streams[0]?.close();
  come(8);
  expect([streams.length, kernel.closed]).toEqual([65, [7, 100]]);
});

it("pauses where none can be accepted, and goes on", () => {
  listen();
  expect(come(-EMFILE)).toBe(false);
  expect(streams.length).toBe(0);
  for (const act of later.splice(0)) act();
  expect(come(10)).toBe(true);
  expect(streams.length).toBe(1);
});

it("ends with all its connections, and is not watched again", () => {
  const end = listen();
  come(10, 11, -EMFILE);
  end();
  expect(later).toEqual([]);
  expect([...kernel.closed].sort((a, b) => a - b)).toEqual([LISTENER, 10, 11]);
  expect([...watched.keys()]).toEqual([]);
});
