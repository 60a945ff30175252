/** Asking at a socket: every way in which there is no answer. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Failure } from "./failure.ts";
import { listenWhereFree } from "./unix-listener.ts";
import { askLine } from "./unix-socket.ts";

/** How the stand-in for the kernel behaves. */
const kernel = vi.hoisted(() => ({
  connect: [] as number[],
  /** Parts of an answer; a number is an error or, if 0, the end. */
  answer: [] as (string | number)[],
  user: 0,
  room: 1e6,
  mode: undefined as number | undefined,
  now: 0,
  done: [] as string[],
}));

vi.mock("host", () => ({
  getuid: () => 1000,
  socket: () => 3,
  close: () => 0,
  setOption: () => 0,
  bind: () => 0,
  listen: () => kernel.done.push("listen") * 0,
  unlink: () => kernel.done.push("unlink") * 0,
  lstat(_: string, into: Float64Array) {
    if (kernel.mode === undefined) return -2;
    into[2] = kernel.mode;
    return 0;
  },
  connect: () => kernel.connect.shift() ?? 0,
  socketOption(_: number, into: Uint8Array) {
    new DataView(into.buffer).setInt32(4, kernel.user, true);
    return 12;
  },
  monotonic: () => kernel.now,
  poll(fds: Int32Array, milliseconds: number) {
    if (fds.length > 0 && kernel.answer.length > 0) return 1;
    kernel.now += milliseconds;
    return 0;
  },
  send: (_: number, bytes: Uint8Array) => Math.min(bytes.length, kernel.room),
  receive(_: number, into: Uint8Array) {
    const part = kernel.answer.shift() ?? -11;
    if (typeof part === "number") return part;
    const bytes = new TextEncoder().encode(part).subarray(0, into.length);
    into.set(bytes);
    return bytes.length;
  },
  encode: (text: string) => new TextEncoder().encode(text),
  decode: (bytes: Uint8Array) => new TextDecoder().decode(bytes),
}));

beforeEach(() => {
  Object.assign(kernel, { connect: [], answer: [], user: 0, room: 1e6, mode: undefined, now: 0 });
  kernel.done.length = 0;
});

const question = { path: "/run/x.sock", line: "?", within: 1000, longest: 16 };

function failureOf(body: () => unknown): Failure {
  try {
    body();
  } catch (cause) {
    if (cause instanceof Failure) return cause;
  }
  throw new Error("it did not fail");
}

describe("a question", () => {
  it("is answered by a line, in however many parts", () => {
    kernel.answer = ["on", -11, "e", "\n"];
    expect(askLine(question)).toBe("one");
  });

  it("waits in line", () => {
    kernel.connect = [-11, -11, 0];
    kernel.answer = ["yes\n"];
    expect(askLine(question)).toBe("yes");
    expect(kernel.now).toBe(20);
  });

  it.each([-2, -111])("has no answer where nobody listens (%i)", (errno) => {
    kernel.connect = [errno];
    expect(askLine(question)).toBeUndefined();
  });

  it.each([
    ["for ever in line", { connect: Array.from({ length: 200 }, () => -11) }, "ETIMEDOUT", true],
    ["without a word", {}, "ETIMEDOUT", false],
    ["ended before its line", { answer: ["on", 0] }, "it ended", false],
    ["reset", { answer: [-104] }, "it ended", false],
    ["too long", { answer: ["0123456789", "0123456789", "0"] }, "it is too long", false],
    ["of another user", { user: 7 }, "who listens there is not root", false],
    ["asked at length", { room: 1 }, "the question is too long", false],
  ])("fails: %s", (_, state, fault, isSettled) => {
    Object.assign(kernel, state);
    const failure = failureOf(() => askLine(question));
    expect(failure.message).toContain(fault);
    expect(failure.settled).toBe(isSettled);
    expect(kernel.now).toBeLessThanOrEqual(1010);
  });
});

describe("a listener", () => {
  it("listens where there is nothing", () => {
    expect(listenWhereFree("/run/x.sock")).toBe(3);
    expect(kernel.done).toEqual(["listen"]);
  });

  it("takes the place of a dead one, and not of a living one or of another file", () => {
    kernel.mode = 0o140755;
    kernel.connect = [-111];
    listenWhereFree("/run/x.sock");
    expect(kernel.done).toEqual(["unlink", "listen"]);
    kernel.connect = [0];
    expect(failureOf(() => listenWhereFree("/run/x.sock")).message).toContain("already");
    kernel.connect = [-11];
    expect(failureOf(() => listenWhereFree("/run/x.sock")).message).toContain("already");
    kernel.mode = 0o100644;
    expect(failureOf(() => listenWhereFree("/run/x.sock")).message).toContain("another kind");
    expect(kernel.done).toEqual(["unlink", "listen"]);
  });
});
