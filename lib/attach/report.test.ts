import { describe, expect, it } from "vitest";
import type { AddCall } from "../cni/call.ts";
import type { Lease } from "../cni/ipam.ts";
import type { NetConf } from "../cni/netconf.ts";
import type { Result } from "../cni/result.ts";
import { parseAddress } from "../ip/address.ts";
import { parseCidr } from "../ip/cidr.ts";
import { report } from "./report.ts";

const mac = Uint8Array.of(2, 0, 0, 0, 0, 7);
const linkOf = (name: string) => ({ name, mac, mtu: 1500 });
const inside = linkOf("eth0");

function callOf(prevResult?: Result, config: Partial<NetConf> = {}): AddCall<NetConf> {
  const call = { netns: "/run/netns/box", prevResult, config: { ipamType: "x", ...config } };
  return call as unknown as AddCall<NetConf>;
}

function leaseOf(address: string, gateway: string, dns = {}): Lease {
  const cidr = parseCidr(address);
  if (!cidr) throw new Error(address);
  const result = { ips: [{ address }], dns };
  return { result, ips: [{ cidr, gateway: parseAddress(gateway) }], routes: [{ dst: "::/0" }] };
}

const lease = leaseOf("10.1.2.2/24", "10.1.2.1", { domain: "lease.example" });

describe("the result of ADD", () => {
  it("names the host's links around the container's, whose the addresses are", () => {
    const links = { outside: [linkOf("br0"), linkOf("veth0")], inside, further: [linkOf("br0.7")] };
    const { interfaces, ips, routes } = report(callOf(), links, lease);
    expect(interfaces?.map(({ name, sandbox }) => [name, sandbox])).toEqual([
      ["br0", undefined],
      ["veth0", undefined],
      ["eth0", "/run/netns/box"],
      ["br0.7", undefined],
    ]);
    expect(ips).toEqual([{ address: "10.1.2.2/24", gateway: "10.1.2.1", interface: 2 }]);
    expect(routes).toEqual([{ dst: "::/0" }]);
  });

  it("keeps what a plugin before has reported, its links before and its addresses behind", () => {
    const before: Result = {
      interfaces: [{ name: "lo", sandbox: "x" }, { name: "net0" }],
      ips: [
        { address: "127.0.0.1/8", interface: 0 },
        { address: "192.0.2.9/24", interface: 1 },
      ],
      routes: [{ dst: "192.0.2.0/24" }],
    };
    const { interfaces, ips, routes } = report(callOf(before), { outside: [], inside }, lease);
    expect(interfaces?.map(({ name }) => name)).toEqual(["net0", "eth0"]);
    expect(ips?.map(({ address, interface: index }) => [address, index])).toEqual([
      ["10.1.2.2/24", 1],
      ["192.0.2.9/24", 0],
    ]);
    expect(routes).toEqual([{ dst: "192.0.2.0/24" }, { dst: "::/0" }]);
  });

  it("has no addresses without a lease", () => {
    const { ips, routes, dns } = report(callOf(), { outside: [], inside }, undefined);
    expect([ips, routes, dns]).toEqual([[], [], undefined]);
  });

  it("has the dns of the configuration, else of the lease", () => {
    const own = { domain: "net.example" };
    const links = { outside: [], inside };
    expect(report(callOf(undefined, { dns: own }), links, lease).dns).toEqual(own);
    expect(report(callOf(), links, lease).dns).toEqual({ domain: "lease.example" });
  });
});
