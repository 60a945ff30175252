import type { Bed } from "./bed.ts";
import { bridgeWith } from "./configs.ts";
import type { Config } from "./invocation.ts";

/** A bridge network whose address manager answers what the test tells it to. */
export function fakeIpam(bed: Bed, answer: unknown, more: Config = {}): Config {
  bed.recorder("fake").answer("ADD", { stdout: answer });
  return bridgeWith({ type: "fake" }, more);
}
