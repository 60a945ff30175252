import { describe, expect, it } from "vitest";
import { StepTimes } from "./step-times.ts";

/** Steps by a clock that goes on by a millisecond whenever it is asked. */
function timed(...steps: readonly (readonly [what: string, program?: string])[]) {
  let now = 0;
  const times = new StepTimes(() => now++);
  for (const [what, program = ""] of steps) times.begin(what, program);
  return times.finish(now++);
}

describe("the steps of a call", () => {
  it("end where the next begins, or nothing with a name does", () => {
    expect(timed(["a"], [""], [""], ["b"]).steps).toEqual([
      { step: "a", ms: 1 },
      { step: "b", ms: 1 },
    ]);
    expect(timed(["a"], ["b"]).steps).toEqual([
      { step: "a", ms: 1 },
      { step: "b", ms: 1 },
    ]);
  });

  it("are none where none was told", () => {
    expect(timed()).toEqual({ steps: [], moreSteps: 0 });
  });

  it("name a program by the last part of its path", () => {
    expect(timed(["DEL", "/opt/cni/bin/host-local"]).steps[0]?.step).toBe("host-local DEL");
  });

  it("are kept up to forty, with names up to a hundred characters", () => {
    const { steps, moreSteps } = timed(
      ...Array.from({ length: 45 }, () => ["x".repeat(200)] as const),
    );
    expect([steps.length, moreSteps]).toEqual([40, 5]);
    expect(steps[0]?.step).toBe(`${"x".repeat(99)}…`);
  });
});
