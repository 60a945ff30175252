/** A kernel whose answers are nonsense: a documented error, and nothing is left of the ADD. */
import { expect, it } from "vitest";
import { confusedAdd, scenarios } from "../bed/faults.ts";

const asking = scenarios().filter(({ firstUse, delegation }) => !firstUse && !delegation);

it.each(asking)("$title", ({ config, ...scenario }) => {
  // Where nf_tables seem to be missing iptables are used, whose frame stays.
  const backend = scenario.program === "firewall" ? { backend: "nftables" } : {};
  expect(confusedAdd({ ...scenario, config: { ...config, ...backend } })).toEqual([]);
});
