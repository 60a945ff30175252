import { expect, test } from "vitest";
import { FakeClock } from "../host/fake-clock.ts";
import { Keeper } from "./keeper.ts";

function kept() {
  const clock = new FakeClock();
  const state = { passes: 0, isRight: true, seemsRight: true, onPass: () => {} };
  const keeper = new Keeper(clock, {
    makeRight: () => {
      state.passes++;
      state.onPass();
      return state.isRight;
    },
    seemsRight: () => state.seemsRight,
  });
  keeper.act();
  return { clock, state, keeper };
}

test("acts once when it is quiet after a bunch of changes", () => {
  const { clock, state, keeper } = kept();
  for (let i = 0; i < 3; i++) {
    keeper.changed();
    clock.pass(50);
  }
  expect(state.passes).toBe(1);
  clock.pass(60);
  expect(state.passes).toBe(2);
});

test("acts again after a pass in which something has changed", () => {
  const { clock, state, keeper } = kept();
  state.onPass = () => keeper.changed();
  keeper.act();
  state.onPass = () => {};
  expect(state.passes).toBe(2);
  clock.pass(110);
  expect(state.passes).toBe(3);
  clock.pass(59_000);
  expect(state.passes).toBe(3);
});

test("acts within half a second while changes never end", () => {
  const { clock, state, keeper } = kept();
  for (let i = 0; i < 11; i++) {
    keeper.changed();
    clock.pass(50);
  }
  expect(state.passes).toBe(2);
});

test("acts once a minute without any change", () => {
  const { clock, state } = kept();
  clock.pass(59_900);
  expect(state.passes).toBe(1);
  clock.pass(200);
  expect(state.passes).toBe(2);
});

test("acts when something seems to be missing, which it looks for every two seconds", () => {
  const { clock, state } = kept();
  state.seemsRight = false;
  clock.pass(2100);
  expect(state.passes).toBe(2);
});

test("tries again after 2, 4, 8, 16 and then every 30 seconds", () => {
  const { clock, state, keeper } = kept();
  state.isRight = false;
  keeper.act();
  const times: number[] = [];
  for (let second = 1; second <= 95; second++) {
    const before = state.passes;
    clock.pass(1000);
    if (state.passes > before) times.push(second);
  }
  expect(times).toEqual([2, 6, 14, 30, 60, 90]);
});

test("does nothing once it has ended", () => {
  const { clock, state, keeper } = kept();
  keeper.changed();
  keeper.end();
  keeper.act();
  clock.pass(120_000);
  expect(state.passes).toBe(1);
});
