/** P6: host-local serves bridge alike whether it is run in-process or executed. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { bridge, bridgeWith, hostLocal } from "../bed/configs.ts";
import { sharedBy } from "../bed/difference.ts";
import { it } from "../bed/it.ts";
import { reservations } from "../bed/store.ts";

/** The same file as bridge's, which may be run in-process, and a copy, which is executed. */
const placements = [
  ["beside bridge", (bed: Bed) => bed.bin],
  ["elsewhere, as a copy", copyOfHostLocal],
] as const;

function copyOfHostLocal(bed: Bed): string {
  const folder = bed.folder("copies");
  bed.host.sh(`cp ${bed.bin}/host-local ${folder}/`);
  return folder;
}

describe.each(placements)("P6 host-local, %s", (_, place) => {
  const network = bridge("10.1.2.0/30");

  it("P6.06 P6.08 takes part in every command", ({ bed }) => {
    const options = { path: place(bed) };
    const box = bed.container();

    const prevResult = bed.add("bridge", box, network, options).result;
    expect(prevResult.ips).toEqual([{ address: "10.1.2.2/30", gateway: "10.1.2.1", interface: 2 }]);
    expect(reservations(bed)).toEqual(["10.1.2.2"]);

    const withResult = { ...network, prevResult };
    expect(bed.check("bridge", box, withResult, options)).toSucceed();
    const full = bed.status("bridge", network, options);
    expect(full).toMatchObject({ exitCode: 0, stdout: "" });
    expect(full.stderr).toContain("1 of 1 in use");
    const strict = bridgeWith({
      type: "host-local",
      subnet: "10.1.2.0/30",
      statusWhenFull: "error",
    });
    expect(bed.status("bridge", strict, options).error.code).toBe(50);

    expect(bed.del("bridge", box, network, options)).toSucceed();
    expect(reservations(bed)).toEqual([]);
    expect(bed.status("bridge", network, options)).toSucceed();
  });

  it("P6.09 its failing CHECK fails bridge's", ({ bed }) => {
    const options = { path: place(bed) };
    const box = bed.container();
    const prevResult = bed.add("bridge", box, network, options).result;
    bed.host.sh("rm /var/lib/cni/networks/net/10.1.2.2");
    const run = bed.check("bridge", box, { ...network, prevResult }, options);
    expect(run.error.code).toBeGreaterThanOrEqual(100);
  });

  it("P6.07 collects what GC does not list", ({ bed }) => {
    const options = { path: place(bed) };
    const wide = bridge("10.1.2.0/24");
    const [kept, gone] = [bed.container(), bed.container()];
    for (const box of [kept, gone]) bed.add("bridge", box, wide, options).result;
    const valid = [{ containerID: kept.containerID, ifname: "eth0" }];
    const list = { ...wide, "cni.dev/valid-attachments": valid };
    expect(bed.gc("bridge", list, options)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(reservations(bed)).toEqual(["10.1.2.2"]);
  });

  it("P6.10 its refusal is bridge's, and nothing is left", ({ bed }) => {
    const options = { path: place(bed) };
    bed.add("bridge", bed.container(), network, options).result;
    const box = bed.container();
    const before = bed.snapshot();
    const { error } = bed.add("bridge", box, network, options);
    expect(error.msg).toMatch(/10\.1\.2\.[0-3]/);
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("P6.11 its address is released if bridge fails after it", ({ bed }) => {
    const routes = [{ dst: "192.0.2.0/24", gw: "198.51.100.1" }];
    const config = bridgeWith({ type: "host-local", subnet: "10.1.2.0/24", routes });
    const box = bed.container();
    const before = bed.snapshot();
    const { error } = bed.add("bridge", box, config, { path: place(bed) });
    expect(error.msg).toContain("192.0.2.0/24");
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });

  it.for([
    ["a configuration it refuses", { type: "host-local", subnet: "10.1.2.5/24" }, 7],
    ["no range at all", { type: "host-local" }, 7],
    [
      "a missing resolv.conf",
      { type: "host-local", subnet: "10.1.2.0/24", resolvConf: "/nope" },
      100,
    ],
  ] as const)("P3.11 %s is the same error as on its own", ([, ipam, least], { bed }) => {
    const box = bed.container();
    const own = bed.add("host-local", box, hostLocal("", { ipam })).error;
    const { error } = bed.add("bridge", box, bridgeWith(ipam), { path: place(bed) });
    expect(error).toEqual(own);
    expect(error.code).toBeGreaterThanOrEqual(least);
  });

  it("P14.14 reads the same CNI_ARGS", ({ bed }) => {
    const options = { path: place(bed), args: "IP=10.1.2.77" };
    const { ips } = bed.add("bridge", bed.container(), bridge("10.1.2.0/24"), options).result;
    expect(ips).toMatchObject([{ address: "10.1.2.77/24" }]);
  });
});
