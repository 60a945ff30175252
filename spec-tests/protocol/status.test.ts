/** P12: STATUS tells whether an ADD could succeed now. */
import { describe, expect } from "vitest";
import { bridge, bridgeWith, hostLocal, masqueraded } from "../bed/configs.ts";
import { it } from "../bed/it.ts";

describe("P12 STATUS", () => {
  it("P12.01 is silent success on a fresh host", ({ bed }) => {
    for (const program of ["bridge", "host-local", "loopback"]) {
      const run = bed.status(program, masqueraded("10.1.2.0/24"));
      expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    }
  });

  const full = { type: "host-local", subnet: "10.1.2.0/30" };
  const strict = { ...full, statusWhenFull: "error" };

  it.for(["host-local", "bridge"])(
    "P12.03 of %s is ready when all addresses are in use, with the figures on stderr",
    (program, { bed }) => {
      bed.add("host-local", bed.container(), hostLocal("10.1.2.0/30")).result;
      for (const ipam of [full, { ...full, statusWhenFull: "ready" }]) {
        const run = bed.status(program, bridgeWith(ipam));
        expect(run).toMatchObject({ exitCode: 0, stdout: "" });
        expect(run.stderr).toMatch(/network "net" .*10\.1\.2\.1-10\.1\.2\.2, 1 of 1 in use/);
      }
    },
  );

  it.for(["host-local", "bridge"])(
    "P12.02 P12.03 of %s is code 50 then, with the figures, if that is asked for",
    (program, { bed }) => {
      const config = bridgeWith(strict);
      expect(bed.status(program, config)).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
      bed.add("host-local", bed.container(), hostLocal("10.1.2.0/30")).result;
      const { error } = bed.status(program, config);
      expect(error.code).toBe(50);
      expect(error.msg).toContain("1 of 1 in use");
    },
  );

  it("P12.03 of flannel asks the address manager alike", ({ bed }) => {
    bed.host.sh("mkdir -p /run/flannel");
    bed.write(
      "/run/flannel/subnet.env",
      "FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.2.1/30\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n",
    );
    bed.add("host-local", bed.container(), hostLocal("10.1.2.0/30")).result;
    const config = { cniVersion: "1.1.0", name: "net", type: "flannel" };
    expect(bed.status("flannel", config).stderr).toContain("1 of 1 in use");
    const asking = { ...config, ipam: { statusWhenFull: "error" } };
    expect(bed.status("flannel", asking).error.code).toBe(50);
  });

  it("P12.03 tells of each of several ranges that is full", ({ bed }) => {
    const ranges = [[{ subnet: "10.1.0.0/16" }], [{ subnet: "fd00:1::/126" }]];
    const config = hostLocal("", { ipam: { type: "host-local", ranges } });
    for (let count = 0; count < 2; count++) bed.add("host-local", bed.container(), config).result;
    const run = bed.status("host-local", config);
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    expect(run.stderr.trim().split("\n")).toEqual([expect.stringContaining("fd00:1::1-")]);
    const asking = { ...config, ipam: { type: "host-local", ranges, statusWhenFull: "error" } };
    expect(bed.status("host-local", asking).error.code).toBe(50);
  });

  it.for(["host-local", "bridge"])(
    "P12.02 of %s is code 50 when a range has nothing but its gateway",
    (program, { bed }) => {
      const only = { rangeStart: "10.1.2.1", rangeEnd: "10.1.2.1", gateway: "10.1.2.1" };
      const config = bridgeWith({ type: "host-local", subnet: "10.1.2.0/24", ...only });
      expect(bed.status(program, config).error.code).toBe(50);
    },
  );

  it("P12.02 is code 50 when the place of the store is taken by a file", ({ bed }) => {
    bed.host.sh("mkdir -p /var/lib/cni/networks && touch /var/lib/cni/networks/net");
    expect(bed.status("host-local", hostLocal("10.1.2.0/24")).error.code).toBe(50);
  });

  it("is code 7 when what to say of a full pool is neither of the two", ({ bed }) => {
    const { error } = bed.status("host-local", bridgeWith({ ...full, statusWhenFull: "maybe" }));
    expect(error.code).toBe(7);
    expect(error.msg).toContain("statusWhenFull");
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
    const config = bridgeWith(strict);
    const box = bed.container();
    bed.add("host-local", box, config).result;
    expect(bed.status("host-local", config).ok).toBe(false);
    expect(bed.del("host-local", box, config)).toSucceed();
    expect(bed.status("host-local", config)).toSucceed();
  });
});
