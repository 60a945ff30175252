/** P12: STATUS tells whether an ADD could succeed now. */
import { describe, expect } from "vitest";
import { bridge, bridgeWith, hostLocal, masqueraded } from "./bed/configs.ts";
import { it } from "./bed/it.ts";

describe("P12 STATUS", () => {
  it("P12.01 is silent success on a fresh host", ({ bed }) => {
    for (const program of ["bridge", "host-local", "loopback"]) {
      const run = bed.status(program, masqueraded("10.1.2.0/24"));
      expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    }
  });

  it("P12.02 P12.03 is code 50 with the figures when all addresses are in use", ({ bed }) => {
    bed.add("host-local", bed.container(), hostLocal("10.1.2.0/30")).result;
    for (const [program, config] of [
      ["host-local", hostLocal("10.1.2.0/30")],
      ["bridge", bridge("10.1.2.0/30")],
    ] as const) {
      const { error } = bed.status(program, config);
      expect(error.code).toBe(50);
      expect(`${error.msg} ${error.details}`).toMatch(/\b1\b/);
    }
  });

  it("P12.03 is code 50 as soon as one of several ranges is full", ({ bed }) => {
    const ranges = [[{ subnet: "10.1.0.0/16" }], [{ subnet: "fd00:1::/126" }]];
    const config = hostLocal("", { ipam: { type: "host-local", ranges } });
    for (let count = 0; count < 2; count++) bed.add("host-local", bed.container(), config).result;
    expect(bed.status("host-local", config).error.code).toBe(50);
  });

  it("P12.02 P12.03 is code 50 when the store cannot be written", ({ bed }) => {
    bed.host.sh(
      "mkdir -p /var/lib/cni/networks && mount -t tmpfs -o ro none /var/lib/cni/networks",
    );
    expect(bed.status("host-local", hostLocal("10.1.2.0/24")).error.code).toBe(50);
  });

  it("P12.04 is an error when the address manager is missing", ({ bed }) => {
    const { error } = bed.status("bridge", bridgeWith({ type: "nosuch" }));
    expect(error.msg).toContain("nosuch");
  });

  it("P12.04 is an error when the address manager's configuration is none", ({ bed }) => {
    const { error } = bed.status(
      "bridge",
      bridgeWith({ type: "host-local", subnet: "10.1.2.5/24" }),
    );
    expect(error.code).toBe(7);
  });

  it("P12.05 is an error when the bridge is something else", ({ bed }) => {
    bed.host.sh("ip link add br0 type veth peer name other");
    const { error } = bed.status("bridge", bridge("10.1.2.0/24"));
    expect(error.code).toBe(50);
    expect(error.msg).toContain("br0");
  });

  it("P12.06 changes nothing", ({ bed }) => {
    const before = bed.snapshot();
    for (const program of ["bridge", "host-local", "loopback"]) {
      bed.status(program, masqueraded("10.1.2.0/24"));
    }
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("P12.06 is never needed, and never in the way", ({ bed }) => {
    const config = hostLocal("10.1.2.0/30");
    const box = bed.container();
    bed.add("host-local", box, config).result;
    expect(bed.status("host-local", config).ok).toBe(false);
    expect(bed.del("host-local", box, config)).toSucceed();
    expect(bed.status("host-local", config)).toSucceed();
  });
});
