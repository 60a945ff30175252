/** Network policies of a real API server, and what the kernel lets through by them: all to all, of hundreds of sets. */
import { describe, expect } from "vitest";
import { needs } from "../bed/kernel.ts";
import { examples } from "../policies/examples.ts";
import { policySets } from "../policies/sets.ts";
import { stageWithApiServer } from "../policies/stage.ts";

const it = needs("kube-apiserver 1.34.4");

describe("network policies of a real API server, all to all", () => {
  it("are what the documentation promises", async ({ bed }) => {
    const stage = await stageWithApiServer(bed);
    for (const example of examples) await stage.expectExample(example);
  });

  it("are what another evaluator says, of every kind and of many that are made up", async ({
    bed,
  }) => {
    const stage = await stageWithApiServer(bed);
    const sets = policySets(19, 90);
    expect(sets.length).toBeGreaterThan(150);
    for (const { title, policies } of sets) {
      await stage.objects.setPolicies(policies);
      await stage.expectAsEvaluated({ title, policies });
    }
  });
});
