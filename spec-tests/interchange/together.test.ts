/** The reference plugins and ours on one host: what either reserved, the other respects. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { bridge, bridgeWith, hostLocal } from "../bed/configs.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { needs } from "../bed/kernel.ts";
import { bothWays, by, commonVersions, hasCheck, type Side } from "../bed/sides.ts";
import { reservations } from "../bed/store.ts";

const it = needs("reference plugins");

/** Networks of the newest version that both know. */
const cniVersion = commonVersions.at(-1) ?? "1.0.0";
const small = hostLocal("10.1.2.0/29", { cniVersion });
const dual = hostLocal("", {
  cniVersion,
  ipam: {
    type: "host-local",
    ranges: [[{ subnet: "10.1.2.0/29" }, { subnet: "10.1.3.0/29" }], [{ subnet: "fd00:1::/125" }]],
  },
});

/** The addresses a host-local gives a container. */
function lease(bed: Bed, side: Side, box: Container, config: Config = small): readonly string[] {
  return bed.add("host-local", box, config, by(bed, side)).result.ips.map(({ address }) => address);
}

function release(bed: Bed, side: Side, box: Container, config: Config = small): void {
  expect(bed.del("host-local", box, config, by(bed, side))).toSucceed();
}

/** The containers of a network, and where the next addresses come from. */
function cursors(bed: Bed): readonly string[] {
  const store = "/var/lib/cni/networks/net";
  const files = bed.list(store).filter((name) => /^last_reserved_ip\.\d+$/.test(name));
  return files.map((name) => `${name}: ${bed.read(`${store}/${name}`)}`);
}

describe.each(bothWays)("bridge of %s with host-local of %s", (plugin, ipam) => {
  describe.each(commonVersions)("version %s", (version) => {
    it("ADD, CHECK and DEL work together", ({ bed }) => {
      const options = by(bed, plugin, ipam);
      const config = bridge("10.1.2.0/24", { cniVersion: version });
      const box = bed.container();
      const before = bed.snapshot();

      const { result } = bed.add("bridge", box, config, options);
      expect(result.ip4?.ip ?? result.ips[0]?.address).toBe("10.1.2.2/24");
      expect(reservations(bed)).toEqual(["10.1.2.2"]);
      expect(bed.read("/var/lib/cni/networks/net/10.1.2.2")).toBe("box1-id\r\neth0");
      expect(box.ping("10.1.2.1")).toBe(true);

      if (hasCheck(version)) {
        const run = bed.check("bridge", box, { ...config, prevResult: result }, options);
        expect(run).toMatchObject({ exitCode: 0, stdout: "" });
      }
      expect(bed.del("bridge", box, config, options)).toSucceed();
      expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
    });
  });

  it("CHECK finds out that the reservation is gone", ({ bed }) => {
    const options = by(bed, plugin, ipam);
    const config = bridge("10.1.2.0/24", { cniVersion });
    const box = bed.container();
    const prevResult = bed.add("bridge", box, config, options).result;
    bed.host.sh("rm /var/lib/cni/networks/net/10.1.2.2");
    const run = bed.check("bridge", box, { ...config, prevResult }, options);
    expect(run.error.msg).toContain("Failed to find address added by container box1-id");
  });

  it("an ADD that fails after it releases the address", ({ bed }) => {
    const routes = [{ dst: "192.0.2.0/24", gw: "198.51.100.9" }];
    const ipamConfig = { type: "host-local", subnet: "10.1.2.0/24", routes };
    const run = bed.add("bridge", bed.container(), bridgeWith(ipamConfig, { cniVersion }), {
      ...by(bed, plugin, ipam),
    });
    expect(run.exitCode).toBe(1);
    expect(reservations(bed)).toEqual([]);
  });

  it("the refusal of the address manager is the answer", ({ bed }) => {
    const config = bridgeWith({ type: "host-local", subnet: "10.1.2.5/24" }, { cniVersion });
    const box = bed.container();
    const own = JSON.parse(bed.add("host-local", box, config, by(bed, ipam)).stdout);
    const run = bed.add("bridge", box, config, by(bed, plugin, ipam));
    expect(run.exitCode).toBe(1);
    expect(JSON.parse(run.stdout)).toMatchObject({ code: own.code, msg: own.msg });
  });

  it("a delegate that is not there is an error", ({ bed }) => {
    const config = bridgeWith({ type: "nowhere" }, { cniVersion });
    const run = bed.add("bridge", bed.container(), config, by(bed, plugin, ipam));
    expect(run).toMatchObject({ exitCode: 1, stdout: expect.stringContaining("nowhere") });
  });
});

describe.each(bothWays)("what %s reserved, %s", (first, second) => {
  it("sees and does not give out again", ({ bed }) => {
    const taken = [lease(bed, first, bed.container()), lease(bed, first, bed.container())];
    expect(taken).toEqual([["10.1.2.2/29"], ["10.1.2.3/29"]]);
    expect(lease(bed, second, bed.container())).toEqual(["10.1.2.4/29"]);
    expect(lease(bed, first, bed.container())).toEqual(["10.1.2.5/29"]);
    expect(lease(bed, second, bed.container())).toEqual(["10.1.2.6/29"]);
    for (const side of [first, second]) {
      const run = bed.add("host-local", bed.container(), small, by(bed, side));
      expect(run.exitCode).toBe(1);
      expect(run.stdout).toContain("no IP addresses available in range set: 10.1.2.1-10.1.2.6");
    }
    expect(reservations(bed)).toHaveLength(5);
  });

  it("refuses to give to whom asks for it by name", ({ bed }) => {
    lease(bed, first, bed.container());
    const options = { ...by(bed, second), args: "IP=10.1.2.2" };
    const run = bed.add("host-local", bed.container(), small, options);
    expect(run).toMatchObject({ exitCode: 1, stdout: expect.stringContaining("10.1.2.2") });
    expect(bed.read("/var/lib/cni/networks/net/10.1.2.2")).toBe("box1-id\r\neth0");
  });

  it("does not reserve twice for one attachment", ({ bed }) => {
    const box = bed.container();
    lease(bed, first, box);
    const run = bed.add("host-local", box, small, by(bed, second));
    expect(run.exitCode).toBe(1);
    expect(run.stdout).toContain("duplicate allocation is not allowed");
    expect(reservations(bed)).toEqual(["10.1.2.2"]);
  });

  it("finds at CHECK, and misses once it is gone", ({ bed }) => {
    const box = bed.container();
    const prevResult = bed.add("host-local", box, dual, by(bed, first)).result;
    const withResult = { ...dual, prevResult };
    expect(bed.check("host-local", box, withResult, by(bed, second))).toSucceed();
    release(bed, first, box, dual);
    expect(bed.check("host-local", box, withResult, by(bed, second)).exitCode).toBe(1);
  });

  it("releases, all of it and nothing else", ({ bed }) => {
    const [kept, gone] = [bed.container(), bed.container()];
    lease(bed, first, kept, dual);
    lease(bed, first, gone, dual);
    bed.add("host-local", gone, dual, { ...by(bed, first), ifName: "net1" });
    expect(reservations(bed)).toHaveLength(6);
    release(bed, second, gone, dual);
    expect(reservations(bed)).toEqual(["10.1.2.2", "10.1.2.4", "fd00:1::2", "fd00:1::4"]);
    release(bed, second, gone, dual);
    expect(reservations(bed)).toHaveLength(4);
    expect(bed.read("/var/lib/cni/networks/net/fd00:1::4")).toBe("box2-id\r\nnet1");
  });

  it("releases in a folder of the network's own", ({ bed }) => {
    const ipam = { type: "host-local", subnet: "10.1.2.0/24", dataDir: "/var/lib/elsewhere" };
    const config = hostLocal("", { cniVersion, ipam });
    const box = bed.container();
    lease(bed, first, box, config);
    expect(bed.list("/var/lib/elsewhere/net")).toContain("10.1.2.2");
    release(bed, second, box, config);
    expect(bed.list("/var/lib/elsewhere/net")).not.toContain("10.1.2.2");
  });

  it("releases by the container alone, as in very old records", ({ bed }) => {
    const box = bed.container();
    lease(bed, first, box);
    bed.write("/var/lib/cni/networks/net/10.1.2.2", "box1-id\n");
    const run = bed.add("host-local", box, small, by(bed, second));
    expect(run.stdout).toContain("duplicate allocation is not allowed");
    release(bed, second, box);
    expect(reservations(bed)).toEqual([]);
  });
});

describe.each(bothWays)("the round robin of %s goes on with %s", (first, second) => {
  it("an address just released is the last to be given again", ({ bed }) => {
    const box = bed.container();
    const given = [first, second, second, first, second, first, first].map((side) => {
      const addresses = lease(bed, side, box);
      release(bed, side === first ? second : first, box);
      return addresses;
    });
    expect(given.flat()).toEqual(["2", "3", "4", "5", "6", "2", "3"].map((n) => `10.1.2.${n}/29`));
    expect(cursors(bed)).toEqual(["last_reserved_ip.0: 10.1.2.3"]);
  });

  it("each range set has its own", ({ bed }) => {
    const boxes = [1, 2, 3, 4, 5, 6].map(() => bed.container());
    const sides = [first, second, second, first, second, first] as const;
    const given = boxes.map((box, i) => lease(bed, sides[i] ?? first, box, dual)[0]);
    expect(given.slice(0, 5)).toEqual(["2", "3", "4", "5", "6"].map((n) => `10.1.2.${n}/29`));
    expect(given[5]).toBe("10.1.3.2/29");
    expect(cursors(bed)).toEqual(["last_reserved_ip.0: 10.1.3.2", "last_reserved_ip.1: fd00:1::7"]);
  });

  it("a requested address moves it for both", ({ bed }) => {
    bed.add("host-local", bed.container(), small, { ...by(bed, first), args: "IP=10.1.2.4" });
    expect(cursors(bed)).toEqual(["last_reserved_ip.0: 10.1.2.4"]);
    expect(lease(bed, second, bed.container())).toEqual(["10.1.2.5/29"]);
  });

  it("goes round what is still in use", ({ bed }) => {
    const boxes = [1, 2, 3, 4, 5].map(() => bed.container());
    for (const box of boxes) lease(bed, first, box);
    for (const box of boxes.slice(1, 3)) release(bed, second, box);
    expect(lease(bed, second, bed.container())).toEqual(["10.1.2.3/29"]);
    expect(lease(bed, first, bed.container())).toEqual(["10.1.2.4/29"]);
  });
});

describe("both at the same time", () => {
  it("never give one address to two", async ({ bed }) => {
    const config = hostLocal("10.1.2.0/27", { cniVersion });
    const boxes = Array.from({ length: 28 }, () => bed.container());
    const runs = await Promise.all(
      boxes.map((container, i) => {
        const options = by(bed, i % 2 === 0 ? "ours" : "theirs");
        return bed.start("host-local", { command: "ADD", container, config, ...options });
      }),
    );
    const given = runs.map(({ result }) => result.ips[0]?.address);
    expect(new Set(given).size).toBe(28);
    expect(reservations(bed)).toHaveLength(28);

    const ends = await Promise.all(
      boxes.map((container, i) => {
        const options = by(bed, i % 2 === 0 ? "theirs" : "ours");
        return bed.start("host-local", { command: "DEL", container, config, ...options });
      }),
    );
    expect(ends.map(({ exitCode }) => exitCode)).toEqual(boxes.map(() => 0));
    expect(reservations(bed)).toEqual([]);
  });

  it("containers of both reach each other on one bridge", ({ bed }) => {
    const config = bridge("10.1.2.0/24", { cniVersion, ipMasq: true });
    const [a, b] = [bed.container(), bed.container()];
    bed.add("bridge", a, config, by(bed, "theirs")).result;
    bed.add("bridge", b, config, by(bed, "ours")).result;
    expect(a.ping("10.1.2.3")).toBe(true);
    expect(b.ping("10.1.2.2")).toBe(true);
    const outside = bed.outside();
    expect([a, b].map((box) => box.succeeds("ping -n -q -c 1 -W 2 203.0.113.2"))).toEqual([
      true,
      true,
    ]);
    expect(outside.succeeds("ping -n -q -c 1 -W 1 10.1.2.2")).toBe(false);
  });
});
