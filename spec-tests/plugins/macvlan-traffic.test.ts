/** Packets of macvlans: who reaches whom by each mode. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import type { Config } from "../bed/invocation.ts";
import { needs } from "../bed/kernel.ts";

const it = needs("macvlan");

const router = ["203.0.113.2", "2001:db8:ffff::2"] as const;
const host = ["203.0.113.1", "2001:db8:ffff::1"] as const;

/** The network behind the bed's uplink: what is above that is a host of it. */
const config: Config = {
  cniVersion: "1.1.0",
  name: "net",
  type: "macvlan",
  master: "uplink",
  ipam: {
    type: "host-local",
    ranges: [
      [{ subnet: "203.0.113.0/24", rangeStart: "203.0.113.10", gateway: router[0] }],
      [{ subnet: "2001:db8:ffff::/64", rangeStart: "2001:db8:ffff::10", gateway: router[1] }],
    ],
    routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
  },
};

/** A container on the network, and its addresses. */
function member(bed: Bed, mode: string): { readonly box: Container; readonly own: string[] } {
  const box = bed.container();
  const { ips } = bed.add("macvlan", box, { ...config, mode }).result;
  return { box, own: (ips ?? []).map(({ address }) => `${address}`.replace(/\/.*/, "")) };
}

const no = [false, false];
const yes = [true, true];

describe.for([
  ["bridge", yes],
  ["private", no],
  ["vepa", no],
] as const)("in mode %s", ([mode, reached]) => {
  it(`containers ${reached === yes ? "reach" : "do not reach"} each other`, ({ bed }) => {
    bed.outside();
    const [one, other] = [member(bed, mode), member(bed, mode)];
    expect(one.box.pingAll(router)).toEqual(yes);
    expect(other.box.pingAll(router)).toEqual(yes);
    expect(one.box.pingAll(other.own)).toEqual(reached);
  });

  it("the network reaches a container and is reached; the host does and is not", ({ bed }) => {
    const outside = bed.outside();
    outside.sh("ip address add 198.51.100.77/32 dev lo");
    const { box, own } = member(bed, mode);
    expect(box.ping("198.51.100.77")).toBe(true);
    expect(outside.pingAll(own)).toEqual(yes);
    expect(box.pingAll(host)).toEqual(no);
    expect(bed.host.pingAll(own)).toEqual(no);
    expect(bed.host.pingAll(router)).toEqual(yes);
  });
});

it("in mode passthru a container has the whole link, under an address of its own", ({ bed }) => {
  const outside = bed.outside();
  const mac = "02:00:00:00:00:01";
  const box = bed.container();
  const config1 = { ...config, mode: "passthru", mac };
  bed.add("macvlan", box, config1).result;
  expect(box.pingAll(router)).toEqual(yes);
  expect(outside.ip("neighbour show 203.0.113.10")).toMatchObject([{ lladdr: mac }]);
  expect(bed.del("macvlan", box, config1)).toSucceed();
  expect(bed.host.pingAll(router)).toEqual(yes);
});

it("a container reaches others on a bridge of the host that is the master", ({ bed }) => {
  const ipam = { type: "host-local", subnet: "10.1.2.0/24" };
  const above = { ...config, master: "uplink0", ipam };
  const [one, other] = [bed.container(), bed.container()];
  bed.add("macvlan", one, above).result;
  bed.add("bridge", other, { ...above, type: "bridge", bridge: "uplink0" }).result;
  expect(one.ping("10.1.2.3")).toBe(true);
});
