/** Router advertisements of a pod (CVE-2020-10749): who takes a route or an address from one. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { bridge } from "../bed/configs.ts";
import type { Container } from "../bed/container.ts";
import {
  ethernet,
  IPV6,
  icmpv6,
  ipv6Bytes,
  joined,
  listen,
  sendFrames,
  word,
} from "../bed/frames.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";
import { Node } from "../bed/nodes.ts";
import { connect, ptp } from "../bed/ptp.ts";
import type { View } from "../bed/view.ts";

const subnet = "10.1.2.0/24";
const prefix = "2001:db8:66::";
const allNodes = "33:33:00:00:00:01";
const vlanIt = needs("bridge VLAN filtering");

/** A router for half an hour, with a prefix that hosts take addresses from. */
function advertisement(from: string): Uint8Array {
  const hour = [0, 0, 14, 16];
  const prefixOption = joined([3, 4, 64, 0xc0], hour, hour, [0, 0, 0, 0], ipv6Bytes(prefix));
  const rest = joined([64, 0], word(1800), [0, 0, 0, 0, 0, 0, 0, 0], prefixOption);
  const packet = icmpv6({ from: "fe80::bad", to: "ff02::1" }, 134, rest);
  return ethernet({ to: allNodes, from, type: IPV6 }, packet);
}

/** A frame that changes nothing, to see when what was sent before has arrived. */
function marker(from: string): Uint8Array {
  return ethernet({ to: allNodes, from, type: 0x88b5 }, joined("all have arrived"));
}

/** Sends an advertisement out of a pod; it has been handled by the time `seenBy` has the marker. */
function advertise(pod: Container, seenBy: readonly (readonly [View, string])[]): void {
  const mac = String(pod.link("eth0").address);
  const eyes = seenBy.map(([view, link]) => listen(view, link, `${link}-${pod.name}`));
  sendFrames(pod, "eth0", [advertisement(mac), marker(mac)]);
  for (const each of eyes) each.until(marker(mac));
}

/** What a namespace took from an advertisement: default routes of IPv6, and addresses. */
function taken(view: View, link: string): readonly string[] {
  const routes = view.routes("-6").filter((route) => route.startsWith("default"));
  const addresses = view.addresses(link).filter((address) => address.startsWith("2001:db8:66:"));
  return [...routes, ...addresses];
}

/** A bridge that was there and up before the first pod came. */
function oldBridge(bed: Bed, acceptRa: number, link = "br0"): void {
  bed.host.sh(`
    ip link add ${link} type bridge
    echo ${acceptRa} >/proc/sys/net/ipv6/conf/${link}/accept_ra
    ip link set ${link} up`);
}

function attach(bed: Bed, more: Readonly<Record<string, unknown>> = {}) {
  const pod = bed.container();
  const { result } = bed.add("bridge", pod, bridge(subnet, more));
  return { pod, port: result.interfaces[1]?.name ?? "" };
}

describe("router advertisements", () => {
  for (const acceptRa of [1, 2]) {
    it(`a pod cannot give the host a default route by a bridge that was up with accept_ra ${acceptRa}`, ({
      bed,
    }) => {
      oldBridge(bed, acceptRa);
      const { pod } = attach(bed);
      advertise(pod, [[bed.host, "br0"]]);
      expect(taken(bed.host, "br0")).toEqual([]);
    });
  }

  it("a pod cannot give a host that forwards IPv6 a default route", ({ bed }) => {
    oldBridge(bed, 2);
    bed.host.sh("echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
    const { pod } = attach(bed);
    advertise(pod, [[bed.host, "br0"]]);
    expect(taken(bed.host, "br0")).toEqual([]);
  });

  it("a bridge that heeds routers again, does so until the next pod only", ({ bed }) => {
    attach(bed);
    bed.host.sh("echo 2 >/proc/sys/net/ipv6/conf/br0/accept_ra");
    const { pod } = attach(bed);
    advertise(pod, [[bed.host, "br0"]]);
    expect(taken(bed.host, "br0")).toEqual([]);
  });

  it("a pod cannot give the host a default route by a bridge that is made for it", ({ bed }) => {
    const { pod } = attach(bed, { isGateway: false });
    advertise(pod, [[bed.host, "br0"]]);
    expect(taken(bed.host, "br0")).toEqual([]);
  });

  it("a pod cannot give another pod of its bridge a default route", ({ bed }) => {
    const { pod: victim } = attach(bed);
    const { pod } = attach(bed);
    advertise(pod, [[victim, "eth0"]]);
    expect(taken(victim, "eth0")).toEqual([]);
  });

  it("nor one whose namespace heeds routers although it forwards", ({ bed }) => {
    const victim = bed.container();
    victim.sh("echo 2 >/proc/sys/net/ipv6/conf/default/accept_ra");
    bed.add("bridge", victim, bridge(subnet));
    const { pod } = attach(bed);
    advertise(pod, [[victim, "eth0"]]);
    expect(taken(victim, "eth0")).toEqual([]);
  });

  it("a pod cannot give the host a default route by the port it has lost", ({ bed }) => {
    const { pod, port } = attach(bed);
    bed.host.sh(`ip link set ${port} nomaster`);
    advertise(pod, [[bed.host, port]]);
    expect(taken(bed.host, port)).toEqual([]);
  });

  vlanIt("a pod cannot give the host a default route by its VLAN's gateway", ({ bed }) => {
    oldBridge(bed, 2);
    attach(bed, { vlan: 7 });
    bed.host.sh("echo 2 >/proc/sys/net/ipv6/conf/br0.7/accept_ra");
    const { pod } = attach(bed, { vlan: 7 });
    advertise(pod, [[bed.host, "br0.7"]]);
    expect(taken(bed.host, "br0.7")).toEqual([]);
    expect(bed.host.sysctl("net/ipv6/conf/br0/accept_ra")).toBe("0");
  });

  vlanIt("nor by a VLAN's gateway that is made for it", ({ bed }) => {
    bed.host.sh("echo 2 >/proc/sys/net/ipv6/conf/default/accept_ra");
    const { pod } = attach(bed, { vlan: 7 });
    advertise(pod, [[bed.host, "br0.7"]]);
    expect(taken(bed.host, "br0.7")).toEqual([]);
  });

  it("the bridge and the device of an overlay stop heeding routers with the next pod", ({
    bed,
  }) => {
    const node = new Node(bed, 1);
    const config = node.config([node]);
    node.pod(config, "first");
    const settings = ["cni0", "weft.1"].map((link) => `net/ipv6/conf/${link}/accept_ra`);
    const values = () => settings.map((setting) => node.view.sysctl(setting));
    for (const setting of settings) node.view.sh(`echo 2 >/proc/sys/${setting}`);
    expect(values()).toEqual(["2", "2"]);
    node.pod(config, "second");
    expect(values()).toEqual(["0", "0"]);
  });

  it("only links of the network's own stop heeding routers", ({ bed }) => {
    const others = ["all", "default", "lo", "uplink"].map((name) => `ipv6/conf/${name}/accept_ra`);
    const settings = () => others.map((name) => bed.host.sysctl(`net/${name}`));
    bed.host.sh("ip link add uplink type veth peer name far");
    const before = settings();
    const { pod } = attach(bed);
    expect(settings()).toEqual(before);
    expect(pod.sysctl("net/ipv6/conf/default/accept_ra")).toBe("1");
  });
});

describe("router advertisements of a pod of ptp", () => {
  const ipv4: Config = { ...ptp, ipam: { type: "host-local", subnet } };

  it.for([1, 2])(
    "give the host no default route, where new links have accept_ra %s",
    (acceptRa, { bed }) => {
      bed.host.sh(`echo ${acceptRa} >/proc/sys/net/ipv6/conf/default/accept_ra`);
      const { box, end } = connect(bed, ipv4);
      advertise(box, [[bed.host, end]]);
      expect(taken(bed.host, end)).toEqual([]);
    },
  );

  it("nor a host that forwards IPv6, nor another pod", ({ bed }) => {
    bed.host.sh("echo 2 >/proc/sys/net/ipv6/conf/default/accept_ra");
    const victim = bed.container();
    victim.sh("echo 2 >/proc/sys/net/ipv6/conf/default/accept_ra");
    expect(bed.add("ptp", victim, ptp)).toSucceed();
    const { box, end } = connect(bed);
    advertise(box, [[bed.host, end]]);
    expect(taken(bed.host, end)).toEqual([]);
    expect(victim.sysctl("net/ipv6/conf/eth0/accept_ra")).toBe("0");
  });

  it("would give it one by a link that heeds them, as a test of this test", ({ bed }) => {
    const { box, end } = connect(bed, ipv4);
    bed.host.sh(`echo 1 >/proc/sys/net/ipv6/conf/${end}/accept_ra`);
    advertise(box, [[bed.host, end]]);
    bed.host.until(`ip -6 route show default | grep -q ${end}`);
    expect(taken(bed.host, end)[0]).toBe(`default via fe80::bad dev ${end}`);
  });
});

describe("router advertisements on a bridge without a gateway", () => {
  it("the host goes on to heed routers of a network that it is no gateway of", ({ bed }) => {
    oldBridge(bed, 1);
    const { pod } = attach(bed, { isGateway: false });
    advertise(pod, [[bed.host, "br0"]]);
    bed.host.until("ip -6 address show dev br0 | grep -q 2001:db8:66:");
    expect(taken(bed.host, "br0")).toEqual([
      "default via fe80::bad dev br0",
      expect.stringMatching(/^2001:db8:66:/),
    ]);
  });

  it("the host's own setting also stays on such a bridge that was down", ({ bed }) => {
    bed.host.sh("ip link add br0 type bridge");
    bed.host.sh("echo 2 >/proc/sys/net/ipv6/conf/br0/accept_ra");
    attach(bed, { isGateway: false });
    expect(bed.host.sysctl("net/ipv6/conf/br0/accept_ra")).toBe("2");
  });

  it("its pods go on to heed routers as they are", ({ bed }) => {
    oldBridge(bed, 1);
    const { pod: victim } = attach(bed, { isGateway: false });
    const { pod } = attach(bed, { isGateway: false });
    advertise(pod, [[victim, "eth0"]]);
    victim.until("ip -6 route show default | grep -q fe80::bad");
    expect(taken(victim, "eth0")[0]).toBe("default via fe80::bad dev eth0");
  });
});
