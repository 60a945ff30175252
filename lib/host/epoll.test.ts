/** The event loop: whose handlers are called, when, and what a failing one does. */
import { beforeEach, expect, it, vi } from "vitest";
import { EPOLLIN, EventLoop } from "./epoll.ts";

/** What the stand-in for the kernel was told, and what it has still to tell. */
const kernel = vi.hoisted(() => ({
  watched: new Map<number, number>(),
  closed: [] as number[],
  times: [] as number[],
  ready: [] as number[][],
  now: 0,
}));

vi.mock("host", () => ({
  epoll: () => 100,
  timer: () => 101,
  setTimer(_: number, at: number) {
    kernel.times.push(at);
    return 0;
  },
  epollControl(_: number, operation: number, fd: number, events: number) {
    if (operation === 2) kernel.watched.delete(fd);
    else kernel.watched.set(fd, events);
    return 0;
  },
  epollWait(_: number, into: Int32Array) {
    const fds = kernel.ready.shift();
    if (!fds) return -4;
    into.set(fds.flatMap((fd) => [fd, 1]));
    return fds.length;
  },
  read: () => 8,
  boottime: () => kernel.now,
  close(fd: number) {
    kernel.closed.push(fd);
    return 0;
  },
}));

beforeEach(() => {
  kernel.watched.clear();
  for (const list of [kernel.closed, kernel.times, kernel.ready]) list.length = 0;
});

/** A loop that notes what it calls. */
function loopWith(...fds: readonly number[]) {
  const called: unknown[] = [];
  const loop = new EventLoop(
    () => called.push("time"),
    (cause) => called.push(String(cause)),
  );
  for (const fd of fds) loop.watch(fd, EPOLLIN, () => called.push(fd));
  return { loop, called };
}

it("calls the handlers of what is ready, until its end", () => {
  const { loop, called } = loopWith(5, 6);
  loop.watch(7, EPOLLIN, () => loop.end());
  kernel.ready.push([6], [5, 6], [7, 5]);
  loop.run(() => undefined);
  expect(called).toEqual([6, 5, 6, 5]);
});

it("goes on after a handler that fails, and after a signal", () => {
  const { loop, called } = loopWith(6);
  loop.watch(5, EPOLLIN, () => {
    throw new Error("no");
  });
  loop.watch(7, EPOLLIN, () => loop.end());
  kernel.ready.push([5, 6], [7]);
  loop.run(() => undefined);
  expect(called).toEqual(["Error: no", 6]);
});

it("calls no handler of what was closed by another one", () => {
  const { loop, called } = loopWith(6);
  loop.watch(5, EPOLLIN, () => loop.close(6));
  loop.watch(7, EPOLLIN, () => loop.end());
  kernel.ready.push([5, 6, 7]);
  loop.run(() => undefined);
  expect(called).toEqual([]);
  expect(kernel.closed).toEqual([6]);
  expect(kernel.watched.has(6)).toBe(false);
});

it("sets its timer only for another time than before, and tells when it has come", () => {
  const { loop, called } = loopWith();
  loop.watch(7, EPOLLIN, () => loop.end());
  kernel.ready.push([101], [7]);
  loop.wakeAt(undefined);
  loop.wakeAt(10.2);
  loop.wakeAt(10.2);
  loop.wakeAt(-5);
  loop.wakeAt(undefined);
  expect(kernel.times).toEqual([11, 1, 0]);
  loop.wakeAt(12);
  kernel.now = 12.5;
  loop.run(() => undefined);
  loop.wakeAt(12);
  expect(kernel.times).toEqual([11, 1, 0, 12, 12]);
  expect(called).toEqual(["time"]);
});

it("does what is due after what it has heard of at the same time, and nothing twice", () => {
  const { loop, called } = loopWith(6);
  kernel.now = 20;
  loop.after(5, () => called.push("late"));
  const cancel = loop.after(1, () => called.push("taken back"));
  loop.watch(7, EPOLLIN, () => loop.end());
  cancel();
  kernel.now = 25;
  kernel.ready.push([101, 6], [101], [7]);
  loop.run(() => undefined);
  expect(called).toEqual([6, "late"]);
  expect(kernel.times).toContain(25);
});

it("does not take a descriptor for the one that had its number a moment ago", () => {
  const { loop, called } = loopWith(6);
  loop.watch(5, EPOLLIN, () => {
    loop.close(6);
    loop.watch(6, EPOLLIN, () => called.push("new"));
  });
  loop.watch(7, EPOLLIN, () => loop.end());
  kernel.ready.push([5, 6], [6], [7]);
  loop.run(() => undefined);
  expect(called).toEqual(["new"]);
});
