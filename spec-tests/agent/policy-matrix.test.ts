/** Network policies that a stand-in tells, and what the kernel lets through by them: all to all. */
import { describe } from "vitest";
import { it } from "../bed/it.ts";
import { examples } from "../policies/examples.ts";
import { stageWithStandIn } from "../policies/stage.ts";

describe("network policies, all to all", () => {
  it("are what the documentation promises", async ({ bed }) => {
    const { stage } = await stageWithStandIn(bed);
    for (const example of examples) await stage.expectExample(example);
  });
});
