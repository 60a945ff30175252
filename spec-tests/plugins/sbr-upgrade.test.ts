/** Under running containers the reference's sbr is replaced: what it made, this one understands. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import type { Config } from "../bed/invocation.ts";
import { needs } from "../bed/kernel.ts";
import { ruleLines, tableLines } from "../bed/routing.ts";
import { by, type Reference } from "../bed/sides.ts";

const it = needs("reference plugins");
const itLater = needs("reference plugins 1.9.1");

const base = { cniVersion: "1.0.0", name: "net" };
const sbr = { ...base, type: "sbr" };
const ranges = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:2::/64" }]];
const bridge = {
  ...base,
  type: "bridge",
  bridge: "br2",
  isDefaultGateway: true,
  ipam: { type: "host-local", ranges },
};

interface Attached {
  readonly box: Container;
  readonly prevResult: Config;
}

/** A container behind our bridge, and the reference's sbr behind that. */
function byTheirs(bed: Bed, own: Config = {}, release: Reference = "theirs"): Attached {
  const box = bed.container();
  const prevResult = bed.add("bridge", box, bridge).result as unknown as Config;
  bed.add("sbr", box, { ...sbr, ...own, prevResult }, by(bed, release)).result;
  return { box, prevResult };
}

describe("a container of the reference plugin", () => {
  it("passes CHECK, and a rule that is missing is found out", ({ bed }) => {
    const { box, prevResult } = byTheirs(bed);
    expect(bed.check("sbr", box, { ...sbr, prevResult })).toSucceed();
    box.sh("ip rule del from 10.1.2.2");
    expect(bed.check("sbr", box, { ...sbr, prevResult }).error.code).toBe(104);
  });

  it("keeps its rules and tables when it is added again", ({ bed }) => {
    const { box, prevResult } = byTheirs(bed);
    const before = bed.snapshot();
    bed.add("sbr", box, { ...sbr, prevResult }).result;
    expect(bed.leftovers(before)).toEqual([]);
  });

  it.for([true, false])("loses its rules by DEL, with the result: %j", (isKnown, { bed }) => {
    const { box, prevResult } = byTheirs(bed);
    expect(ruleLines(box)).toHaveLength(2);
    const known = isKnown ? { prevResult } : {};
    expect(bed.del("sbr", box, { ...sbr, ...known })).toSucceed();
    expect(ruleLines(box)).toEqual([]);
  });

  itLater("with a table of its own passes CHECK, and loses its rules by DEL", ({ bed }) => {
    const own = { table: 700 };
    const { box, prevResult } = byTheirs(bed, own, "theirs 1.9.1");
    expect(ruleLines(box)).toEqual(["from 10.1.2.2 lookup 700", "from fd00:2::2 lookup 700"]);
    expect(bed.check("sbr", box, { ...sbr, ...own, prevResult })).toSucceed();
    expect(bed.del("sbr", box, { ...sbr, ...own })).toSucceed();
    expect(ruleLines(box)).toEqual([]);
  });

  it("loses all the rules that it got by an ADD that failed", ({ bed }) => {
    const { box, prevResult } = byTheirs(bed);
    expect(bed.add("sbr", box, { ...sbr, prevResult }, by(bed, "theirs")).ok).toBe(false);
    expect(ruleLines(box).length).toBeGreaterThan(2);
    expect(bed.del("sbr", box, { ...sbr, prevResult })).toSucceed();
    expect(ruleLines(box)).toEqual([]);
  });
});

describe("a rule that names no maker", () => {
  it("is not the attachment's if its table has routes of others", ({ bed }) => {
    const box = bed.container();
    const { result: prevResult } = bed.add("bridge", box, bridge);
    box.sh(`
      ip link set lo up
      ip rule add from 10.1.2.2 lookup 900
      ip route add 198.51.100.0/24 dev lo table 900
      ip rule add from 10.1.2.2 lookup main`);
    bed.add("sbr", box, { ...sbr, prevResult }).result;
    expect(tableLines(box, "900")).toEqual(["198.51.100.0/24 dev lo"]);
    expect(bed.del("sbr", box, { ...sbr, prevResult })).toSucceed();
    expect(ruleLines(box)).toEqual(["from 10.1.2.2 lookup 900", "from 10.1.2.2 lookup main"]);
  });
});

it("our attachment is ended by the reference's DEL", ({ bed }) => {
  const box = bed.container();
  const { result: prevResult } = bed.add("bridge", box, bridge);
  bed.add("sbr", box, { ...sbr, prevResult }).result;
  expect(bed.del("sbr", box, { ...sbr, prevResult }, by(bed, "theirs"))).toSucceed();
  expect(ruleLines(box)).toEqual([]);
});
