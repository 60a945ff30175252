/** CNI_NETNS_OVERRIDE: a namespace that is the plugin's own serves as the container's. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { plugins } from "../bed/executables.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { workingConfig } from "../bed/subjects.ts";

const env = { CNI_NETNS: "/proc/self/ns/net", CNI_NETNS_OVERRIDE: "1" };
const base = { cniVersion: "1.1.0", name: "net" };
const subnet = "10.1.2.0/24";

/** A link eth0 whose other end is here as well, as a main plugin would report it. */
function connected(bed: Bed): Config {
  bed.host.sh(`
    ip link add host0 type veth peer name eth0
    ip link set host0 addrgenmode none up && ip link set eth0 addrgenmode none up && ip address add 10.1.2.2/24 dev eth0`);
  const sandbox = env.CNI_NETNS;
  return {
    cniVersion: "1.1.0",
    interfaces: [{ name: "host0" }, { name: "eth0", sandbox }],
    ips: [{ address: "10.1.2.2/24", interface: 1 }],
  };
}

/** What makes each plugin work here. */
const settings: Readonly<Record<string, Config>> = {
  bandwidth: { ingressRate: 8_000_000, ingressBurst: 8_000_000 },
  firewall: {},
  policy: { ingress: { allow: [] }, egress: { deny: [{ to: ["192.0.2.0/24"] }] } },
  portmap: {
    runtimeConfig: { portMappings: [{ hostPort: 80, containerPort: 80, protocol: "tcp" }] },
  },
  sbr: {},
  tuning: { mtu: 1400, sysctl: { "net.ipv4.conf.IFNAME.arp_filter": "1" } },
};

describe("with CNI_NETNS_OVERRIDE in the own namespace", () => {
  it.for(Object.keys(settings))(
    "%s: ADD, CHECK and DEL work, and leave nothing",
    (type, { bed }) => {
      const prevResult = connected(bed);
      const config = { ...base, type, ...settings[type], prevResult };
      const box = bed.container();
      const before = bed.snapshot();
      expect(bed.add(type, box, config, { env })).toSucceed();
      expect(bed.check(type, box, config, { env })).toSucceed();
      expect(bed.del(type, box, config, { env })).toSucceed();
      const frame = / nft (inet|bridge) weft|route_localnet|folder \/run\/(weft|cni)/;
      expect(bed.leftovers(before).filter((line) => !frame.test(line))).toEqual([]);
    },
  );

  it("tuning changes the link and the sysctl here, and DEL makes them what they were", ({
    bed,
  }) => {
    const prevResult = connected(bed);
    const config = { ...base, type: "tuning", ...settings.tuning, prevResult };
    const box = bed.container();
    bed.add("tuning", box, config, { env }).result;
    expect(bed.host.link("eth0").mtu).toBe(1400);
    expect(bed.host.sysctl("net/ipv4/conf/eth0/arp_filter")).toBe("1");
    bed.host.sh("ip link set eth0 mtu 1300");
    expect(bed.check("tuning", box, config, { env }).error.code).toBe(104);
    expect(bed.del("tuning", box, config, { env })).toSucceed();
    expect(bed.host.link("eth0").mtu).toBe(1500);
    expect(bed.host.sysctl("net/ipv4/conf/eth0/arp_filter")).toBe("0");
    expect(bed.list("/run/cni/tuning")).toEqual([]);
  });

  it.for(["bridge", "flannel", "vxlan-overlay"])("%s connects this namespace", (type, { bed }) => {
    bed.host.sh(
      `mkdir -p /run/flannel && printf 'FLANNEL_NETWORK=10.1.0.0/16\\nFLANNEL_SUBNET=10.1.2.1/24\\nFLANNEL_MTU=1450\\nFLANNEL_IPMASQ=false\\n' >/run/flannel/subnet.env`,
    );
    bed.host.sh(
      "ip link add up0 type veth peer name up1 && ip address add 192.0.2.1/24 dev up0 && ip link set up0 up && ip link set up1 up",
    );
    const more: Readonly<Record<string, Config>> = {
      bridge: { bridge: "br0", isGateway: true, ipam: { type: "host-local", subnet } },
      flannel: { delegate: { bridge: "br0" } },
      "vxlan-overlay": {
        network: "10.1.0.0/16",
        subnet,
        publicIP: "192.0.2.1",
        uplink: "up0",
        bridge: "br0",
      },
    };
    const config = { ...base, type, ...more[type] };
    const box = bed.container();
    const { result } = bed.add(type, box, config, { env });
    expect(bed.host.addresses("eth0")).toEqual(["10.1.2.2/24"]);
    expect(bed.check(type, box, { ...config, prevResult: result }, { env })).toSucceed();
    expect(bed.del(type, box, { ...config, prevResult: result }, { env })).toSucceed();
    expect(bed.host.links()).not.toContain("eth0");
    expect(bed.list("/var/lib/cni/networks/net")).not.toContain("10.1.2.2");
  });

  it("loopback and host-local serve it", ({ bed }) => {
    bed.host.sh("ip link set lo down");
    for (const type of ["loopback", "host-local"]) {
      const config = workingConfig(type);
      const box = bed.container();
      const { result } = bed.add(type, box, config, { env });
      expect(bed.check(type, box, { ...config, prevResult: result }, { env })).toSucceed();
      expect(bed.del(type, box, config, { env })).toSucceed();
    }
  });
});

it.for(plugins().map(({ name }) => name))(
  "%s refuses an ADD in it without, and DEL finds nothing there: neither changes anything",
  (name, { bed }) => {
    const config = workingConfig(name);
    const box = bed.container();
    const before = bed.snapshot();
    const call = { container: box, config, env: { CNI_NETNS: env.CNI_NETNS } };
    expect(bed.exec(name, { ...call, command: "ADD" }).error.code).toBe(8);
    // A DEL that fails is repeated for ever, and the address stays reserved: gone it counts.
    expect(bed.exec(name, { ...call, command: "DEL" })).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before)).toEqual([]);
  },
);
