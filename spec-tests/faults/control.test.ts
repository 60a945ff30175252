/** The harness itself can fail: an executable that leaks a file or an address is found. */
import { expect } from "vitest";
import { failingAdd } from "../bed/faults.ts";
import { it } from "../bed/it.ts";
import type { Scenario } from "../bed/scenarios.ts";
import { workingConfig } from "../bed/subjects.ts";

/** What runs in place of `host-local`: a script, for which the real one is `$real`. */
function standIn(script: string): Scenario {
  const config = workingConfig("host-local");
  const standIn = `real=/run/bed/bin/host-local\n${script}`;
  const program = "host-local";
  return { title: "a stand-in", program, config, firstUse: false, standIn, isWhole: true };
}

it.for([
  ["a file", '"$real" || { echo >/run/leak; exit 1; }', /file \/run\/leak/],
  ["an address", '[ $CNI_COMMAND = DEL ] || exec "$real"', /networks\/net/],
  ["a death", '[ $CNI_COMMAND$CNI_CONTAINERID = ADDopenat-3 ] && kill -9 $$; exec "$real"', /null/],
] as const)("finds %s that an executable leaks", ([, script, finding]) => {
  expect(failingAdd(standIn(script)).join("\n")).toMatch(finding);
});
