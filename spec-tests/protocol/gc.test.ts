/** P11: GC removes what belongs to no valid attachment of a network, and nothing else. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { hostLocal, masqueraded } from "../bed/configs.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { reservations } from "../bed/store.ts";

const config = masqueraded("10.1.2.0/24", { macspoofchk: true });

/** The key under which a runtime lists the attachments that are still valid. */
function listing(...boxes: readonly Container[]): Config {
  const valid = boxes.map(({ containerID, ifName }) => ({ containerID, ifname: ifName }));
  return { "cni.dev/valid-attachments": valid };
}

function attached(bed: Bed, count: number): readonly Container[] {
  const boxes = Array.from({ length: count }, () => bed.container());
  for (const box of boxes) bed.add("bridge", box, config).result;
  return boxes;
}

/** The namespaces vanish without DEL, as after a crash of the runtime. */
function forget(bed: Bed, ...boxes: readonly Container[]): void {
  for (const box of boxes) bed.host.sh(`ip -n ${box.name} link delete eth0`);
}

describe("P11 GC", () => {
  it("P11.01 P11.02 removes nothing of a listed attachment", ({ bed }) => {
    const boxes = attached(bed, 2);
    const outside = bed.outside();
    const before = bed.snapshot();
    const run = bed.gc("bridge", { ...config, ...listing(...boxes) });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before)).toEqual([]);
    expect(boxes[0]?.ping("203.0.113.2")).toBe(true);
    expect(outside.succeeds("ip route get 10.1.2.2")).toBe(false);
  });

  it("P11.02 goes by container and interface, not by container alone", ({ bed }) => {
    const box = bed.container();
    const plain = hostLocal("10.1.2.0/24");
    bed.add("host-local", box, plain).result;
    bed.add("host-local", box, plain, { ifName: "eth1" }).result;
    const run = bed.gc("host-local", { ...plain, ...listing(box) });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    expect(reservations(bed)).toEqual(["10.1.2.2"]);
  });

  it("P11.03 removes all that unlisted attachments left", ({ bed }) => {
    const [kept] = attached(bed, 1);
    if (kept === undefined) throw new Error("no container");
    const lost = [bed.container(), bed.container()];
    const before = bed.snapshot();
    for (const box of lost) bed.add("bridge", box, config).result;
    forget(bed, ...lost);

    const run = bed.gc("bridge", { ...config, ...listing(kept) });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    expect(reservations(bed)).toEqual(["10.1.2.2"]);
    expect(bed.leftovers(before, { network: "net", dataDir: "/var/lib/cni/networks" })).toEqual([]);
  });

  it("P11.04 does not touch other networks", ({ bed }) => {
    const other = masqueraded("10.9.9.0/24", { name: "other", bridge: "br9", macspoofchk: true });
    const box = bed.container();
    bed.add("bridge", box, other).result;
    const before = bed.snapshot();
    const run = bed.gc("bridge", { ...config, ...listing() });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
    expect(reservations(bed, "other")).toEqual(["10.9.9.2"]);
  });

  it("P11.07 goes on after a step that fails, and reports it", ({ bed }) => {
    const boxes = attached(bed, 3);
    forget(bed, ...boxes);
    const stuck = "/var/lib/cni/networks/net/10.1.2.3";
    bed.host.sh(`mount --bind ${stuck} ${stuck}`);

    const { error } = bed.gc("bridge", { ...config, ...listing() });
    expect(error.msg).toContain("10.1.2.3");
    expect(reservations(bed)).toEqual(["10.1.2.3"]);
    const elements = Object.keys(bed.snapshot()).filter((key) => / nft .* element /.test(key));
    expect(elements).toEqual([]);
  });

  it("P11.08 an empty list means that nothing is valid", ({ bed }) => {
    const before = bed.snapshot();
    const boxes = attached(bed, 2);
    for (const box of boxes) bed.host.sh(`ip netns delete ${box.name}`);
    const run = bed.gc("bridge", { ...config, ...listing() });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    const left = bed.leftovers(before, sharedBy(config));
    expect(left.filter((line) => !line.includes("/run/netns"))).toEqual([]);
  });

  it("P11.09 does nothing without a list", ({ bed }) => {
    attached(bed, 2);
    const before = bed.snapshot();
    expect(bed.gc("bridge", config)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.gc("host-local", config)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before)).toEqual([]);
  });

  it.for(["host-local", "bridge"])(
    "P11.10 %s reads the list under its older name",
    (program, { bed }) => {
      attached(bed, 2);
      const run = bed.gc(program, { ...config, "cni.dev/attachments": [] });
      expect(run).toMatchObject({ exitCode: 0, stdout: "" });
      expect(reservations(bed)).toEqual([]);
    },
  );

  it("P11.10 of both names, the newer counts", ({ bed }) => {
    const boxes = attached(bed, 2);
    const both = { ...config, ...listing(...boxes), "cni.dev/attachments": [] };
    expect(bed.gc("bridge", both)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(reservations(bed)).toEqual(["10.1.2.2", "10.1.2.3"]);
  });

  it("P11.11 can be repeated", ({ bed }) => {
    forget(bed, ...attached(bed, 2));
    for (let time = 0; time < 3; time++) {
      const run = bed.gc("bridge", { ...config, ...listing() });
      expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    }
  });

  it("P11.11 does nothing in an empty host", ({ bed }) => {
    const before = bed.snapshot();
    for (const program of ["bridge", "host-local", "loopback"]) {
      const run = bed.gc(program, { ...config, ...listing() });
      expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    }
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });

  it.for(['"text"', "{}", '[{"containerID":7}]', "[null]", '["a"]'])(
    "P11.02 a malformed list, %s, removes nothing and is code 7",
    (list, { bed }) => {
      attached(bed, 1);
      const before = bed.snapshot();
      const malformed = { ...config, "cni.dev/valid-attachments": JSON.parse(list) };
      for (const program of ["bridge", "host-local"]) {
        expect(bed.gc(program, malformed).error.code).toBe(7);
      }
      expect(bed.leftovers(before)).toEqual([]);
    },
  );
});
