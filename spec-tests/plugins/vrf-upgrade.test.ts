/** Under running containers the reference's vrf is replaced: what it made, this one understands. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Config } from "../bed/invocation.ts";
import { kernelHas, needs } from "../bed/kernel.ts";
import { tableLines } from "../bed/routing.ts";
import { by, type Reference } from "../bed/sides.ts";
import { type Connected, blue as newestBlue, network as newestNetwork } from "../bed/vrf.ts";

const references = [
  ["theirs", "reference plugins"],
  ["theirs 1.9.1", "reference plugins 1.9.1"],
] as const;

/** A version that all of them know. */
const cniVersion = "1.0.0";
const blue: Config = { ...newestBlue, cniVersion };
const network = (number: number): Config => ({ ...newestNetwork(number), cniVersion });
const addresses = ["10.1.2.2/24", "fd00:2::2/64"];

/** A container behind our bridge. */
function connected(bed: Bed): Connected {
  const box = bed.container();
  const prevResult = bed.add("bridge", box, network(2)).result as unknown as Config;
  return { box, prevResult };
}

/** The same, and the reference's vrf behind that. */
function byTheirs(bed: Bed, release: Reference): Connected {
  const { box, prevResult } = connected(bed);
  bed.add("vrf", box, { ...blue, prevResult }, by(bed, release)).result;
  return { box, prevResult };
}

describe.each(references)("a container of %s", (release, installed) => {
  const it = needs(kernelHas("vrf") ? installed : "vrf");
  /** The old one leaves those by gateways behind: then they are gone. */
  const losesRoutes = release === "theirs";

  it("passes CHECK if it has its routes, and a link that has left is found out", ({ bed }) => {
    const { box, prevResult } = byTheirs(bed, release);
    for (const gateway of losesRoutes ? ["10.1.2.1", "fd00:2::1"] : []) {
      const { error } = bed.check("vrf", box, { ...blue, prevResult });
      expect(error).toMatchObject({ code: 104, msg: expect.stringContaining(gateway) });
      box.sh(`ip route add default via ${gateway} dev eth0 vrf blue`);
    }
    expect(bed.check("vrf", box, { ...blue, prevResult })).toSucceed();
    box.sh("ip link set eth0 nomaster");
    expect(bed.check("vrf", box, { ...blue, prevResult }).error.code).toBe(104);
  });

  it("stays as it is when it is added again", ({ bed }) => {
    const { box, prevResult } = byTheirs(bed, release);
    const before = bed.snapshot();
    bed.add("vrf", box, { ...blue, prevResult }).result;
    expect(bed.leftovers(before)).toEqual([]);
  });

  it.for([true, false])(
    "gets its link back by DEL, but keeps the VRF, which has no owner; with the result: %j",
    (isKnown, { bed }) => {
      const { box, prevResult } = byTheirs(bed, release);
      const known = isKnown ? { prevResult } : {};
      for (const _ of ["once", "twice"]) {
        expect(bed.del("vrf", box, { ...blue, ...known })).toSucceed();
        expect(box.link("eth0").master).toBeUndefined();
        expect(box.addresses("eth0")).toEqual(addresses);
        const lines = tableLines(box, "main").join("\n");
        expect(lines).toContain("10.1.2.0/24 dev eth0");
        if (!losesRoutes) expect(lines).toContain("default via 10.1.2.1 dev eth0");
        expect(box.links()).toContain("blue");
      }
    },
  );

  it("may get a second link by ours in the VRF, and both may go", ({ bed }) => {
    const { box } = byTheirs(bed, release);
    const prevResult = bed.add("bridge", box, network(3), { ifName: "eth1" }).result;
    bed.add("vrf", box, { ...blue, prevResult }, { ifName: "eth1" }).result;
    expect(box.link("eth1")).toMatchObject({ master: "blue" });
    for (const ifName of ["eth0", "eth1"]) {
      expect(bed.del("vrf", box, blue, { ifName })).toSucceed();
      expect(box.link(ifName).master).toBeUndefined();
    }
  });

  it("our attachment is ended by the reference's DEL", ({ bed }) => {
    const { box, prevResult } = connected(bed);
    bed.add("vrf", box, { ...blue, prevResult }).result;
    expect(bed.del("vrf", box, { ...blue, prevResult }, by(bed, release))).toSucceed();
    expect(box.links()).toEqual(["lo", "eth0"]);
    expect(box.link("eth0").master).toBeUndefined();
  });
});
