/** SIGKILL before every system call of ADD that follows a change. */
import { describe, expect } from "vitest";
import { dying } from "../bed/faults.ts";
import { scenarios } from "../bed/scenarios.ts";
import { itWorks } from "../bed/subjects.ts";

describe.for(scenarios())("$title", (scenario) => {
  itWorks(scenario.program).for(["DEL", "GC"] as const)(
    "after sudden death at any time of ADD, one %s takes back everything",
    (remedy) => {
      expect(dying(scenario, "ADD", remedy)).toEqual([]);
    },
  );
});
