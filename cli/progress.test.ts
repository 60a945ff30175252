/** Progress, with a clock and a terminal of our own. */
import { describe, expect, it, vi } from "vitest";
import { type Tell, withProgress } from "./progress.ts";

vi.mock("host", () => ({}));

const erase = "\r\u001b[K";

/** A screen, what is on it, and the time. */
function screenOf(width = 80) {
  const screen = {
    time: 5000,
    written: [] as string[],
    width: width as number | undefined,
    write: (text: string) => void screen.written.push(text),
    now: () => screen.time,
  };
  return screen;
}

/** Runs steps that take so many milliseconds each, and tells what was written. */
function written(
  screen: ReturnType<typeof screenOf>,
  ...steps: readonly (readonly [string, number])[]
) {
  withProgress((tell) => {
    for (const [text, milliseconds] of steps) {
      tell(text);
      screen.time += milliseconds;
    }
  }, screen);
  return screen.written;
}

describe("progress", () => {
  it("is silent for what takes no second", () => {
    expect(written(screenOf(), ["one", 500], ["two", 499], ["three", 100])).toEqual([]);
  });

  it("tells what is done after a second, and erases it at the end", () => {
    expect(written(screenOf(), ["one", 1000], ["two", 500], ["three", 0])).toEqual([
      `${erase}two`,
      `${erase}three`,
      erase,
    ]);
  });

  it("tells ten things a second, not all", () => {
    const steps = Array.from({ length: 300 }, (_, i) => [`${i}`, 10] as const);
    expect(written(screenOf(), ...steps)).toHaveLength(20 + 1);
  });

  it("fits its line, and holds nothing that a terminal obeys", () => {
    const [line] = written(screenOf(10), ["", 1000], ["a\u001b[31mbcdefgh\n", 0]);
    expect(line).toBe(`${erase}a\\u001b[3`);
  });

  it("is nothing where nobody is looking", () => {
    const screen = { ...screenOf(), width: undefined };
    expect(written(screen, ["one", 5000], ["two", 0])).toEqual([]);
  });

  it("gives what is done, and is erased if that fails", () => {
    expect(withProgress(() => 7, screenOf())).toBe(7);
    const screen = screenOf();
    const failing = (tell: Tell) => {
      screen.time += 1000;
      tell("one");
      throw new Error("failed");
    };
    expect(() => withProgress(failing, screen)).toThrow("failed");
    expect(screen.written).toEqual([`${erase}one`, erase]);
  });
});
