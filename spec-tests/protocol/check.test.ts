/** P10: CHECK sees whether all that ADD made is still there, and changes nothing. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { bridge, bridgeWith, hostLocal } from "../bed/configs.ts";
import type { Container } from "../bed/container.ts";
import type { Config, RunOptions } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";
import type { Outcome, Result } from "../bed/outcome.ts";

const ipam = {
  type: "host-local",
  ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]],
  routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }, { dst: "192.0.2.0/24", gw: "10.1.2.9" }],
};
const config = bridgeWith(ipam, {
  mtu: 1400,
  ipMasq: true,
  hairpinMode: true,
  portIsolation: true,
});

interface Attached {
  readonly box: Container;
  readonly result: Result;
  /** The name of the host's end. */
  readonly veth: string;
}

function attach(bed: Bed, network: Config = config): Attached {
  const box = bed.container();
  const { result } = bed.add("bridge", box, network);
  return { box, result, veth: result.interfaces[1]?.name ?? "" };
}

function check(bed: Bed, { box, result }: Attached, options: RunOptions = {}): Outcome {
  return bed.check("bridge", box, { ...config, prevResult: result }, options);
}

describe("P10 CHECK", () => {
  it("P10.01 needs the result of ADD", ({ bed }) => {
    const { box } = attach(bed);
    const { error } = bed.check("bridge", box, config);
    expect(error.code).toBe(7);
    expect(error.msg).toContain("prevResult");
    const none = bed.check("bridge", box, { ...config, prevResult: null });
    expect(none.error.code).toBe(7);
  });

  it("P10.02 succeeds right after ADD, again and again", ({ bed }) => {
    const attached = attach(bed);
    for (let time = 0; time < 20; time++) {
      expect(check(bed, attached)).toMatchObject({ exitCode: 0, stdout: "" });
    }
  });

  it.for(["0.4.0", "1.0.0"])("P10.02 also with a result of %s", (cniVersion, { bed }) => {
    const older = { ...config, cniVersion };
    const { box, result } = attach(bed, older);
    const run = bed.check("bridge", box, { ...older, prevResult: result });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
  });

  it("P10.02 succeeds with a route in another table", ({ bed }) => {
    const routes = [{ dst: "192.0.2.0/24", gw: "10.1.2.9", table: 100 }];
    const network = bridgeWith({ ...ipam, routes });
    const { box, result } = attach(bed, network);
    const run = bed.check("bridge", box, { ...network, prevResult: result });
    expect(run).toSucceed();
    box.sh("ip route flush table 100");
    expect(
      bed.check("bridge", box, { ...network, prevResult: result }).error.code,
    ).toBeGreaterThanOrEqual(100);
  });

  /** What somebody may take away or change; `VETH` stands for the host's end. */
  const damages = [
    ["P10.03", "the interface", "ip -n box1 link delete eth0"],
    ["P10.03", "the IPv4 address", "ip -n box1 address delete 10.1.2.2/24 dev eth0"],
    ["P10.03", "the IPv6 address", "ip -n box1 address delete fd00:1::2/64 dev eth0"],
    [
      "P10.03",
      "an address's prefix",
      "ip -n box1 address delete 10.1.2.2/24 dev eth0 && ip -n box1 address add 10.1.2.2/25 dev eth0",
    ],
    ["P10.03", "the default route", "ip -n box1 route delete default"],
    ["P10.03", "the IPv6 default route", "ip -n box1 -6 route delete default"],
    ["P10.03", "another route", "ip -n box1 route delete 192.0.2.0/24"],
    ["P10.03", "a route's gateway", "ip -n box1 route change 192.0.2.0/24 via 10.1.2.8"],
    ["P10.03", "the hardware address", "ip -n box1 link set eth0 address 02:00:00:00:00:99"],
    ["P10.03", "the place on the bridge", "ip link set VETH nomaster"],
    ["P10.03", "the bridge", "ip link delete br0"],
    [
      "P10.03",
      "the kind of the bridge",
      "ip link delete br0 && ip link add br0 type veth peer name other",
    ],
    [
      "P10.03",
      "the kind of the interface",
      "ip -n box1 link delete eth0 && ip -n box1 link add eth0 type bridge",
    ],
    ["P10.04", "the masquerade", "nft flush ruleset"],
    ["P10.04", "the reservation", "rm /var/lib/cni/networks/net/10.1.2.2"],
    ["P10.04", "one family's reservation", "rm /var/lib/cni/networks/net/fd00:1::2"],
    [
      "P10.04",
      "the owner of the reservation",
      "printf 'other\\r\\neth0' >/var/lib/cni/networks/net/10.1.2.2",
    ],
    ["P10.04", "the host end's MTU", "ip link set VETH mtu 1300"],
    ["P10.04", "the interface's state", "ip -n box1 link set eth0 down"],
    ["P10.04", "the host end's state", "ip link set VETH down"],
    ["P10.04", "the bridge's state", "ip link set br0 down"],
    ["P10.04", "hairpin mode", "bridge link set dev VETH hairpin off"],
    ["P10.04", "port isolation", "bridge link set dev VETH isolated off"],
    ["P10.04", "the gateway's address", "ip address delete 10.1.2.1/24 dev br0"],
    ["P10.04", "the IPv6 gateway's address", "ip address delete fd00:1::1/64 dev br0"],
    ["P10.04", "forwarding", "echo 0 >/proc/sys/net/ipv4/ip_forward"],
  ] as const;
  it.for(damages)("%s misses %s", ([, , script], { bed }) => {
    const attached = attach(bed);
    bed.host.sh(script.replaceAll("VETH", attached.veth));
    const { error } = check(bed, attached);
    expect(error.code).toBeGreaterThanOrEqual(100);
    expect(error.details ?? "").not.toMatch(/^\s+at /m);
  });

  needs("bridge VLAN filtering")("P10.04 misses the VLAN of the host end", ({ bed }) => {
    const tagged = bridge("10.1.2.0/24", { vlan: 5 });
    const { box, result, veth } = attach(bed, tagged);
    const withResult = { ...tagged, prevResult: result };
    expect(bed.check("bridge", box, withResult)).toSucceed();
    bed.host.sh(`bridge vlan delete dev ${veth} vid 5`);
    expect(bed.check("bridge", box, withResult).error.code).toBeGreaterThanOrEqual(100);
  });

  it("P10.04 misses protection against forged hardware addresses", ({ bed }) => {
    const guarded = bridge("10.1.2.0/24", { macspoofchk: true });
    const { box, result } = attach(bed, guarded);
    const withResult = { ...guarded, prevResult: result };
    expect(bed.check("bridge", box, withResult)).toSucceed();
    bed.host.sh("nft flush ruleset");
    expect(bed.check("bridge", box, withResult).error.code).toBeGreaterThanOrEqual(100);
  });

  it("P10.05 allows what later plugins add", ({ bed }) => {
    const attached = attach(bed);
    attached.box.sh(`
      ip address add 192.0.2.1/24 dev eth0
      ip route add 198.51.100.0/24 via 10.1.2.1
      ip route replace default via 10.1.2.3
      ip link add eth1 type veth peer name other`);
    expect(check(bed, attached)).toMatchObject({ exitCode: 0, stdout: "" });
  });

  it("P10.05 allows a hardware address and an MTU that the result tells", ({ bed }) => {
    const { box, result, veth } = attach(bed);
    box.sh("ip link set eth0 address 02:00:00:00:00:99 mtu 1300");
    const [first, second, third] = result.interfaces;
    const changed = { ...third, mac: "02:00:00:00:00:99", mtu: 1300 };
    const prevResult = { ...result, interfaces: [first, second, changed] };
    const run = bed.check("bridge", box, { ...config, prevResult });
    expect({ run, veth }).toMatchObject({ run: { exitCode: 0, stdout: "" } });
  });

  it("P10.05 allows an MTU that a later plugin set without telling", ({ bed }) => {
    const attached = attach(bed);
    attached.box.sh("ip link set eth0 mtu 1300");
    expect(check(bed, attached)).toMatchObject({ exitCode: 0, stdout: "" });
  });

  it("P10.06 wants the sandbox of the result to be the namespace", ({ bed }) => {
    const { box, result } = attach(bed);
    const [first, second, third] = result.interfaces;
    const interfaces = [first, second, { ...third, sandbox: "/run/netns/other" }];
    const prevResult = { ...result, interfaces };
    expect(bed.check("bridge", box, { ...config, prevResult }).error.code).toBeGreaterThanOrEqual(
      100,
    );
  });

  it("P10.06 misses an attachment of another container", ({ bed }) => {
    const { result } = attach(bed);
    const other = bed.container();
    expect(
      bed.check("bridge", other, { ...config, prevResult: result }).error.code,
    ).toBeGreaterThanOrEqual(100);
  });

  it("P10.08 changes nothing, whether it succeeds or fails", ({ bed }) => {
    const attached = attach(bed);
    const before = bed.snapshot();
    expect(check(bed, attached)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before)).toEqual([]);

    attached.box.sh("ip route delete default");
    const damaged = bed.snapshot();
    expect(check(bed, attached).error.code).toBeGreaterThanOrEqual(100);
    expect(bed.leftovers(damaged)).toEqual([]);
  });

  it("P10.08 host-local's changes nothing, either", ({ bed }) => {
    const box = bed.container();
    const before = bed.snapshot();
    const prevResult = { cniVersion: "1.1.0", ips: [{ address: "10.1.2.2/24" }] };
    const run = bed.check("host-local", box, hostLocal("10.1.2.0/24", { prevResult }));
    expect(run.error.code).toBeGreaterThanOrEqual(100);
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("P10.09 ignores what is not its own in the result", ({ bed }) => {
    const { box, result } = attach(bed);
    const prevResult = {
      ...result,
      interfaces: [...result.interfaces, { name: "tunl0" }, { name: "x", sandbox: "/elsewhere" }],
      ips: [...result.ips, { address: "192.0.2.7/24", interface: 4 }],
    };
    const run = bed.check("bridge", box, { ...config, prevResult });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
  });

  it.for([-1, 99])("P10.09 P13.09 the interface index %i is no crash", (index, { bed }) => {
    const { box, result } = attach(bed);
    const ips = [...result.ips, { address: "192.0.2.7/24", interface: index }];
    const run = bed.check("bridge", box, { ...config, prevResult: { ...result, ips } });
    if (!run.ok) expect(run.error.code).toBeGreaterThanOrEqual(7);
  });

  it("P10.03 loopback misses lo being down", ({ bed }) => {
    const box = bed.container();
    const lo = { cniVersion: "1.1.0", name: "lo", type: "loopback" };
    const prevResult = bed.add("loopback", box, lo).result;
    expect(bed.check("loopback", box, { ...lo, prevResult })).toSucceed();
    box.sh("ip link set lo down");
    expect(bed.check("loopback", box, { ...lo, prevResult }).error.code).toBeGreaterThanOrEqual(
      100,
    );
  });
});
