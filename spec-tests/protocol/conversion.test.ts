/** P5: an address manager may answer in another version than the one asked for. */
import { describe, expect } from "vitest";
import { allVersions, bridgeWith } from "../bed/configs.ts";
import { sharedBy } from "../bed/difference.ts";
import { fakeIpam } from "../bed/fake-ipam.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";

const upTo02 = ["0.1.0", "0.2.0"];
const from03To04 = ["0.3.0", "0.3.1", "0.4.0"];

describe("P5 conversion of an address manager's answer", () => {
  const [four, six] = ["10.1.2.7/24", "fd00:1::7/64"];
  const routes4 = [{ dst: "192.0.2.0/24", gw: "10.1.2.1" }];
  const routes6 = [{ dst: "2001:db8::/64", gw: "fd00:1::1" }];

  /** The same answer in each version. */
  function answerIn(cniVersion: string): Config {
    if (upTo02.includes(cniVersion)) {
      const ip4 = { ip: four, gateway: "10.1.2.1", routes: routes4 };
      return { cniVersion, ip4, ip6: { ip: six, gateway: "fd00:1::1", routes: routes6 } };
    }
    const versioned = from03To04.includes(cniVersion);
    const ips = [
      { ...(versioned && { version: "4" }), address: four, gateway: "10.1.2.1" },
      { ...(versioned && { version: "6" }), address: six, gateway: "fd00:1::1" },
    ];
    return { cniVersion, ips, routes: [...routes4, ...routes6] };
  }

  const pairs = allVersions.flatMap((from) => allVersions.map((to) => [from, to] as const));

  it.for(pairs)(
    "P5.30 P5.31 P5.32 P5.33 P5.34 P5.35 P5.36 P5.39 an answer in %s to a request in %s",
    ([from, to], { bed }) => {
      const box = bed.container();
      const config = fakeIpam(bed, answerIn(from), { cniVersion: to });
      const { interfaces: _, dns: _dns, ...result } = bed.add("bridge", box, config).json as Config;

      const expected = answerIn(to);
      const ips = expected.ips as readonly Config[] | undefined;
      const indexed = ips?.map((ip) => ({ ...ip, interface: 2 }));
      expect(result).toEqual({ ...expected, ...(indexed && { ips: indexed }) });
      expect(box.addresses("eth0").toSorted()).toEqual([four, six]);
    },
  );

  it.for(upTo02)(
    "P5.33 %s keeps the first address of a family, and only its routes",
    (to, { bed }) => {
      const ips = [{ address: four }, { address: "10.1.2.8/24" }];
      const answer = { cniVersion: "1.1.0", ips, routes: [...routes4, { dst: "2001:db8::/64" }] };
      const config = fakeIpam(bed, answer, { cniVersion: to, isGateway: false });

      const result = bed.add("bridge", bed.container(), config).json;
      expect(result).toMatchObject({ ip4: { ip: four, routes: routes4 } });
      expect(result).not.toHaveProperty("ip6");
    },
  );

  it("P5.37 an answer without a version is one of the request's", ({ bed }) => {
    const { cniVersion: _, ...answer } = answerIn("1.1.0");
    expect(bed.add("bridge", bed.container(), fakeIpam(bed, answer)).result.ips).toHaveLength(2);
    const { cniVersion: _v, ...old } = answerIn("0.2.0");
    bed.recorder("old").answer("ADD", { stdout: old });
    const config = bridgeWith({ type: "old" }, { cniVersion: "0.2.0" });
    expect(bed.add("bridge", bed.container(), config).json).toMatchObject({ ip4: { ip: four } });
  });

  it("P5.38 an answer of an unknown version is an error, and leaves nothing", ({ bed }) => {
    const config = fakeIpam(bed, { ...answerIn("1.1.0"), cniVersion: "9.9.9" });
    const box = bed.container();
    const before = bed.snapshot();
    expect(bed.add("bridge", box, config).error.msg).toContain("9.9.9");
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });
});
