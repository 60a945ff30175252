/** SIGKILL before every system call of ADD and of DEL. */
import { describe, expect } from "vitest";
import { dying, scenarios } from "./bed/faults.ts";
import { it } from "./bed/it.ts";

const pairs = [
  ["ADD", "DEL"],
  ["ADD", "GC"],
  ["DEL", "DEL"],
  ["DEL", "GC"],
] as const;

describe.for(scenarios())("$title", (scenario) => {
  it.for(pairs)(
    "after sudden death at any time of %s, one %s takes back everything",
    { timeout: 120_000 },
    ([command, remedy]) => {
      expect(dying(scenario, command, remedy)).toEqual([]);
    },
  );
});
