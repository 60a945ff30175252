import { expect, it } from "vitest";
import { Timers } from "./timers.ts";

const call = (act: () => void) => act();

it("calls what is due, in the order of the times", () => {
  const [timers, called] = [new Timers(), [] as string[]];
  timers.add(30, () => called.push("c"));
  timers.add(10, () => called.push("a"));
  timers.add(10, () => called.push("b"));
  expect(timers.next).toBe(10);
  timers.run(20, call);
  expect(called).toEqual(["a", "b"]);
  expect(timers.next).toBe(30);
});

it("does not call what was taken back, not even by another that is due", () => {
  const [timers, called] = [new Timers(), [] as string[]];
  timers.add(1, () => cancel());
  const cancel = timers.add(2, () => called.push("never"));
  timers.run(2, call);
  cancel();
  expect(called).toEqual([]);
  expect(timers.next).toBeUndefined();
});

it("leaves what is added meanwhile for the next time", () => {
  const [timers, called] = [new Timers(), [] as string[]];
  timers.add(1, () => timers.add(1, () => called.push("next")));
  timers.run(1, call);
  expect(called).toEqual([]);
  timers.run(1, call);
  expect(called).toEqual(["next"]);
});
