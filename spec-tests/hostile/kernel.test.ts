/** A kernel whose answers are nonsense: a documented error, and nothing is left of the ADD. */
import { expect } from "vitest";
import { confusedAdd } from "../bed/faults.ts";
import { scenarios } from "../bed/scenarios.ts";
import { itWorks } from "../bed/subjects.ts";

const asking = scenarios().filter(({ firstUse, delegation }) => !firstUse && !delegation);

for (const { config, ...scenario } of asking) {
  itWorks(scenario.program)(scenario.title, () => {
    // Where nf_tables seem to be missing iptables are used, whose frame stays.
    const backend = scenario.program === "firewall" ? { backend: "nftables" } : {};
    expect(confusedAdd({ ...scenario, config: { ...config, ...backend } })).toEqual([]);
  });
}
