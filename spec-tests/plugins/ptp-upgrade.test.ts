/** Under running containers the reference plugin is replaced: what it made, this one ends. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { sharedBy } from "../bed/difference.ts";
import { needs } from "../bed/kernel.ts";
import { waitUntil } from "../bed/patience.ts";
import { connect, forGc, type OnPair, ptp } from "../bed/ptp.ts";
import { by } from "../bed/sides.ts";
import { reservations } from "../bed/store.ts";

const it = needs("reference plugins");

const config = { ...ptp, cniVersion: "1.0.0", ipMasq: true };

/** The lines of the host's NAT table that bear the names of reference plugins. */
function theirNat(bed: Bed): readonly string[] {
  const save = bed.host.sh("iptables-save -t nat; ip6tables-save -t nat");
  return save.split("\n").filter((line) => line.includes("CNI-"));
}

function byTheirs(bed: Bed): OnPair {
  const connected = connect(bed, config, by(bed, "theirs"));
  expect(theirNat(bed).join("\n")).toContain(connected.box.containerID);
  return connected;
}

function removeNetns(bed: Bed, { box, end }: OnPair): void {
  bed.host.sh(`ip netns delete ${box.name}`);
  waitUntil("the end of its links", () => !bed.host.links().includes(end));
}

describe("a container of the reference plugin", () => {
  it("passes CHECK, and what is missing of it is found out", ({ bed }) => {
    const { box, ended } = byTheirs(bed);
    expect(bed.check("ptp", box, ended)).toMatchObject({ exitCode: 0, stdout: "" });
    bed.host.sh("ip route delete 10.1.2.2");
    expect(bed.check("ptp", box, ended).error).toMatchObject({
      code: 104,
      msg: expect.stringContaining("10.1.2.2/32"),
    });
  });

  it.for([
    ["with the namespace and the result", true, true],
    ["with the namespace only", true, false],
    ["with the result only", false, true],
    ["with nothing but the names", false, false],
  ] as const)("goes with its masquerade, %s", ([, hasNetns, hasResult], { bed }) => {
    const first = connect(bed, { ...config, ipMasq: false });
    bed.del("ptp", first.box, config);
    const before = bed.snapshot();
    const old = byTheirs(bed);
    if (!hasNetns) removeNetns(bed, old);
    const options = hasNetns ? {} : { env: { CNI_NETNS: undefined } };
    for (const _ of ["once", "twice"]) {
      const run = bed.del("ptp", old.box, hasResult ? old.ended : config, options);
      expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    }
    const left = bed.leftovers(before, sharedBy(ptp));
    expect(left.filter((line) => !line.includes(old.box.name))).toEqual([]);
    expect(theirNat(bed)).toEqual([]);
    expect(reservations(bed)).toEqual([]);
  });

  it("stays beside another that GC collects", ({ bed }) => {
    const kept = byTheirs(bed);
    const gone = byTheirs(bed);
    removeNetns(bed, gone);
    expect(bed.gc("ptp", forGc([kept.box], config))).toMatchObject({ exitCode: 0, stdout: "" });
    expect(theirNat(bed).join("\n")).toContain(kept.box.containerID);
    expect(theirNat(bed).join("\n")).not.toContain(gone.box.containerID);
    expect(reservations(bed)).toEqual(["10.1.2.2", "fd00:2::2"]);
    expect(bed.check("ptp", kept.box, kept.ended)).toSucceed();
  });

  it("reaches one of this plugin, which comes beside it, and either may go first", ({ bed }) => {
    const old = byTheirs(bed);
    const young = connect(bed, config);
    expect(young.box.pingAll(["10.1.2.2", "fd00:2::2"])).toEqual([true, true]);
    expect(bed.del("ptp", old.box, config)).toSucceed();
    expect(young.box.pingAll(["10.1.2.1", "fd00:2::1"])).toEqual([true, true]);
    expect(bed.check("ptp", young.box, young.ended)).toSucceed();
  });
});

describe("a container of this plugin", () => {
  it("passes the reference's CHECK, and can be ended by its DEL", ({ bed }) => {
    const { box, ended } = connect(bed, { ...config, ipMasq: false });
    const theirs = by(bed, "theirs");
    expect(bed.check("ptp", box, ended, theirs)).toMatchObject({ exitCode: 0 });
    expect(bed.del("ptp", box, ended, theirs)).toMatchObject({ exitCode: 0 });
    expect(box.links()).toEqual(["lo"]);
    expect(reservations(bed)).toEqual([]);
  });
});
