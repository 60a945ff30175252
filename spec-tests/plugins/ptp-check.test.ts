/** CHECK of ptp: both sides of the pair. */
import { describe, expect } from "vitest";
import { it } from "../bed/it.ts";
import { connect, ptp } from "../bed/ptp.ts";

const config = { ...ptp, ipMasq: true, mtu: 1400 };

describe("CHECK", () => {
  it("is content after ADD, and changes nothing", ({ bed }) => {
    const { box, ended } = connect(bed, config);
    connect(bed, config);
    const before = bed.snapshot();
    expect(bed.check("ptp", box, ended)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before)).toEqual([]);
  });

  it.for([
    ["the link", "ip link delete eth0", "no such interface"],
    ["that it is up", "ip link set eth0 down", "up"],
    ["its hardware address", "ip link set eth0 address 02:00:00:00:00:07", "02:00:00:00:00:07"],
    ["an address", "ip address delete 10.1.2.2/24 dev eth0", "10.1.2.2/24"],
    ["an address of IPv6", "ip address delete fd00:2::2/64 dev eth0", "fd00:2::2/64"],
    ["the default route", "ip route delete default", "0.0.0.0/0"],
    [
      "the route to the gateway",
      "ip route replace 10.1.2.1 dev lo; ip link set lo up; ip route flush dev eth0 10.1.2.1/32",
      "10.1.2.1/32",
    ],
    ["the route to the subnet", "ip route delete 10.1.2.0/24", "10.1.2.0/24 via 10.1.2.1"],
    ["that of IPv6", "ip -6 route delete fd00:2::/64", "fd00:2::/64 via fd00:2::1"],
  ] as const)("misses %s of the container", ([, change, word], { bed }) => {
    const { box, ended } = connect(bed, config);
    box.sh("ip link set lo up");
    box.sh(change);
    const { error } = bed.check("ptp", box, ended);
    expect(error.code).toBe(104);
    expect(error.msg).toContain(word);
  });

  it.for([
    ["that its end is up", (end: string) => `ip link set ${end} down`, "up"],
    ["its MTU", (end: string) => `ip link set ${end} mtu 1300`, "MTU 1400"],
    ["a gateway", (end: string) => `ip address delete 10.1.2.1/32 dev ${end}`, "10.1.2.1/32"],
    [
      "a gateway of IPv6",
      (end: string) => `ip address delete fd00:2::1/128 dev ${end}`,
      "fd00:2::1/128",
    ],
    ["the route to the container", () => "ip route delete 10.1.2.2", "10.1.2.2/32"],
    ["that of IPv6", () => "ip -6 route delete fd00:2::2", "fd00:2::2/128"],
    ["forwarding", () => "echo 0 >/proc/sys/net/ipv4/ip_forward", "net/ipv4/ip_forward"],
    [
      "forwarding of IPv6",
      () => "echo 0 >/proc/sys/net/ipv6/conf/all/forwarding",
      "net/ipv6/conf/all/forwarding",
    ],
    ["masquerade", () => "nft flush ruleset", "masquerade4"],
  ] as const)("misses %s of the host", ([, change, word], { bed }) => {
    const { box, end, ended } = connect(bed, config);
    bed.host.sh(change(end));
    const { error } = bed.check("ptp", box, ended);
    expect(error.code).toBe(104);
    expect(error.msg).toContain(word);
  });

  it("is not content with a route to the container by another link", ({ bed }) => {
    const { box, end, ended } = connect(bed, config);
    connect(bed, config);
    const other = bed.host.links().find((name) => name.startsWith("veth") && name !== end);
    bed.host.sh(`ip route replace 10.1.2.2 dev ${other} scope host`);
    const { error } = bed.check("ptp", box, ended);
    expect(error).toMatchObject({ code: 104, msg: expect.stringContaining(`"${end}"`) });
  });

  it("misses what ADD has reported, and the reservation", ({ bed }) => {
    const { box, ended, result } = connect(bed, config);
    expect(bed.check("ptp", box, { ...ended, prevResult: undefined }).error.code).toBe(7);
    const interfaces = result.interfaces.slice(1);
    const without = { ...result, interfaces, ips: [] };
    expect(bed.check("ptp", box, { ...ended, prevResult: without }).error.code).toBe(104);
    bed.host.sh("rm /var/lib/cni/networks/net/10.1.2.2 /var/lib/cni/networks/net/fd00*");
    expect(bed.check("ptp", box, ended).exitCode).toBe(1);
  });
});
