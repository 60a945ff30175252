/** ptp with addresses of all kinds: alone in their subnet, without gateway, several, taken. */
import { describe, expect } from "vitest";
import { sharedBy } from "../bed/difference.ts";
import { it } from "../bed/it.ts";
import { connect, ptp, withAddresses } from "../bed/ptp.ts";

const defaults = [{ dst: "0.0.0.0/0" }, { dst: "::/0" }];

describe("addresses", () => {
  it("may be alone in their subnet: /32 and /128", ({ bed }) => {
    const ips = [
      { address: "10.1.2.2/32", gateway: "10.1.2.1" },
      { address: "fd00:2::2/128", gateway: "fd00:2::1" },
    ];
    const { box, ended } = connect(bed, withAddresses(bed, ips, defaults));
    expect(box.routes()).toEqual(["default via 10.1.2.1 dev eth0", "10.1.2.1 dev eth0"]);
    expect(box.routes("-6")).toEqual(["fd00:2::1 dev eth0", "default via fd00:2::1 dev eth0"]);
    expect(box.pingAll(["10.1.2.1", "fd00:2::1"])).toEqual([true, true]);
    expect(bed.host.pingAll(["10.1.2.2", "fd00:2::2"])).toEqual([true, true]);
    expect(bed.check("ptp", box, ended)).toSucceed();
  });

  it("may have a gateway that is in no subnet of theirs", ({ bed }) => {
    const ips = [
      { address: "10.1.2.2/24", gateway: "169.254.1.1" },
      { address: "fd00:2::2/64", gateway: "fe80::1" },
    ];
    const { box, ended } = connect(bed, withAddresses(bed, ips, defaults));
    bed.host.sh("ip link set lo up; ip address add 198.51.100.1/32 dev lo");
    bed.host.sh("ip address add fd00:7::1/128 dev lo");
    expect(box.pingAll(["198.51.100.1", "fd00:7::1"])).toEqual([true, true]);
    expect(bed.check("ptp", box, ended)).toSucceed();
  });

  it("may be several of one family, by one gateway or by two", ({ bed }) => {
    const ips = [
      { address: "10.1.2.2/24", gateway: "10.1.2.1" },
      { address: "10.1.2.3/24", gateway: "10.1.2.1" },
      { address: "10.1.3.2/24", gateway: "10.1.3.1" },
      { address: "fd00:2::2/64", gateway: "fd00:2::1" },
      { address: "fd00:2::3/64", gateway: "fd00:2::1" },
    ];
    const config = { ...withAddresses(bed, ips, defaults), ipMasq: true };
    const { box, end, ended } = connect(bed, config);
    expect(bed.host.addresses(end)).toEqual(["10.1.2.1/32", "10.1.3.1/32", "fd00:2::1/128"]);
    const all = ips.map(({ address }) => address.replace(/\/.*/, ""));
    expect(bed.host.pingAll(all)).toEqual(all.map(() => true));
    expect(box.routes()).toContain("10.1.3.0/24 via 10.1.3.1 dev eth0");
    expect(bed.check("ptp", box, ended)).toSucceed();
    expect(bed.del("ptp", box, config)).toSucceed();
    expect(bed.host.links().filter((name) => name.startsWith("veth"))).toEqual([]);
  });

  it.for([
    ["the first of its subnet", [{ address: "10.1.2.7/24" }], ["10.1.2.1"]],
    ["the other of two", [{ address: "10.1.2.6/31" }], ["10.1.2.7"]],
    [
      "that of its family",
      [
        { address: "10.1.2.7/24", gateway: "10.1.2.3" },
        { address: "10.9.9.9/32" },
        { address: "fd00:2::7/64" },
      ],
      ["10.1.2.3", "10.1.2.3", "fd00:2::1"],
    ],
  ] as const)("get as gateway, where they have none, %s", ([, ips, gateways], { bed }) => {
    const { box, result, ended } = connect(bed, withAddresses(bed, ips));
    expect(result.ips.map(({ gateway }) => gateway)).toEqual(gateways);
    for (const gateway of gateways) expect(box.ping(gateway)).toBe(true);
    expect(bed.check("ptp", box, ended)).toSucceed();
  });

  it.for(["10.1.2.2/32", "10.1.2.1/24", "10.1.2.7/31", "fd00:2::2/128"])(
    "are refused where none can be told, as of %s, and nothing is left",
    (address, { bed }) => {
      const config = withAddresses(bed, [{ address }]);
      const box = bed.container();
      const before = bed.snapshot();
      const { error } = bed.add("ptp", box, config);
      expect(error).toMatchObject({ code: 102 });
      expect(error.msg).toMatch(`address ${address} has no gateway`);
      expect(bed.leftovers(before, sharedBy(ptp))).toEqual([]);
    },
  );

  it("are refused where another container has them, which keeps its traffic", ({ bed }) => {
    const ips = [{ address: "10.1.2.2/24", gateway: "10.1.2.1" }];
    const config = withAddresses(bed, ips);
    const { box, end } = connect(bed, config);
    const second = bed.container();
    const before = bed.snapshot();
    const { error } = bed.add("ptp", second, config);
    expect(error.code).toBe(103);
    expect(error.msg).toContain(`10.1.2.2: there is one already, by "${end}"`);
    expect(error.msg).toContain(box.containerID);
    expect(bed.leftovers(before, sharedBy(ptp))).toEqual([]);
    expect(bed.host.ping("10.1.2.2")).toBe(true);
  });

  it("of IPv6 are refused on a host that has it switched off, with the reason", ({ bed }) => {
    bed.host.sh("echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6");
    const box = bed.container();
    const before = bed.snapshot();
    const { error } = bed.add("ptp", box, ptp);
    expect(error).toMatchObject({ code: 100, msg: expect.stringContaining("disable_ipv6") });
    expect(bed.leftovers(before, sharedBy(ptp))).toEqual([]);
  });
});

describe("an address manager that needs the link", () => {
  it("finds it in the container when it is asked", ({ bed }) => {
    const answer = { cniVersion: "1.1.0", ips: [{ address: "10.1.2.2/24", gateway: "10.1.2.1" }] };
    const recorder = bed.recorder("fake");
    recorder.script(
      "ADD",
      `nsenter --net=$CNI_NETNS ip link show dev "$CNI_IFNAME" >&2 || exit 1
       printf %s '${JSON.stringify(answer)}'
       exit 0`,
    );
    const { box } = connect(bed, { ...ptp, ipam: { type: "fake" } });
    expect(box.addresses("eth0")).toEqual(["10.1.2.2/24"]);
  });
});
