/** Whose the addresses of a result are: the container's, its loopback's, or the host's. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Chain } from "../bed/chain.ts";
import { allVersions } from "../bed/configs.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config, RunOptions } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";
import { Node } from "../bed/nodes.ts";
import { ask, serve } from "../bed/ports.ts";
import { by, commonVersions, hasCheck } from "../bed/sides.ts";

const web = { hostPort: 8080, containerPort: 80, protocol: "tcp" };
const ranges = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:2::/64" }]];

/** The plugins of a list by name. */
function plugins(cniVersion: string): Readonly<Record<string, Config>> {
  const base = { cniVersion, name: "net" };
  const ipam = { type: "host-local", ranges };
  const hasInterfaces = cniVersion >= "0.3.0";
  const rate = { ingressRate: 1_000_000_000, ingressBurst: 1_000_000_000 };
  return {
    loopback: { ...base, type: "loopback" },
    bridge: { ...base, type: "bridge", bridge: "br0", isDefaultGateway: true, ipMasq: true, ipam },
    firewall: { ...base, type: "firewall", ...(hasInterfaces && { ingressPolicy: "isolated" }) },
    portmap: { ...base, type: "portmap", runtimeConfig: { portMappings: [web] } },
    tuning: { ...base, type: "tuning", mac: "02:00:00:00:00:01" },
    bandwidth: { ...base, type: "bandwidth", ...rate },
  };
}

function list(cniVersion: string, ...names: readonly string[]): readonly Config[] {
  return names.map((name) => plugins(cniVersion)[name] ?? {});
}

const shared = sharedBy(plugins("1.1.0").bridge ?? {});

/** The list that Nomad has built in. */
const builtIn = ["loopback", "bridge", "firewall", "portmap"] as const;

/** The addresses that are forwarded, as nftables lists them; and of them those of 127/8 and ::1. */
function forwarded(bed: Bed): string {
  return bed.host.sh("nft list map inet weft forward4; nft list map inet weft forward6");
}

/** A container whose loopback was up once: what the kernel gave it then stays for good. */
function used(bed: Bed): Container {
  const box = bed.container();
  box.sh("ip link set lo up && ip link set lo down");
  return box;
}

const loopbackAddress = /127\.0\.0\.1|[ {]::1 /;

describe("a list with the loopback before or after the bridge", () => {
  it.for(
    allVersions.flatMap((version) => [
      [version, builtIn] as const,
      [version, ["bridge", "loopback", "firewall", "portmap"]] as const,
      [version, ["bridge", "firewall", "portmap", "loopback"]] as const,
    ]),
  )(
    "in version %s %j reports the container's addresses and no others",
    ([version, names], { bed }) => {
      const box = bed.container();
      const result = new Chain(bed, list(version, ...names)).add(box);
      const [four, six] = ["10.1.2.2/24", "fd00:2::2/64"];
      if (version < "0.3.0") {
        expect(result).toMatchObject({ ip4: { ip: four }, ip6: { ip: six } });
      } else {
        const links = result.interfaces as readonly Config[];
        const ips = result.ips as readonly { address: string; interface: number }[];
        expect(ips.map(({ address }) => address)).toEqual([four, six]);
        for (const ip of ips) expect(links[ip.interface]).toMatchObject({ name: "eth0" });
        expect(links.map(({ name }) => name)).not.toContain("lo");
      }
      expect(forwarded(bed)).not.toMatch(loopbackAddress);
      expect(bed.host.nft()).toContain('10.1.2.2 comment "net box1-id eth0"');
      serve(box, "tcp", 80);
      expect(ask(bed.host, "127.0.0.1", 8080)).toBe("10.1.2.1");
    },
  );

  it.for(["nftables", "iptables"])(
    "one container's CHECK is not disturbed by another's ADD and DEL with %s, and nothing is left",
    (backend, { bed }) => {
      const of = plugins("1.1.0");
      const all = [of.loopback, of.bridge, { ...of.firewall, backend }, of.tuning, of.bandwidth];
      const chain = new Chain(bed, all as readonly Config[]);
      const boxes = [used(bed), used(bed)] as const;
      const before = bed.snapshot();
      const results = boxes.map((box) => chain.add(box));
      const faults = (i: 0 | 1) =>
        chain.check(boxes[i], results[i] ?? {}).map(({ stdout }) => stdout);
      expect(faults(0)).toEqual(["", "", "", "", ""]);
      expect(faults(1)).toEqual(["", "", "", "", ""]);
      for (const run of chain.del(boxes[1], results[1])) expect(run).toSucceed();
      expect(faults(0)).toEqual(["", "", "", "", ""]);
      for (const run of chain.del(boxes[0], results[0])) expect(run).toSucceed();
      expect(bed.leftovers(before, shared).filter((line) => !line.includes("CNI-"))).toEqual([]);
    },
  );

  it("DEL takes away what an earlier release accepted for the loopback", ({ bed }) => {
    const chain = new Chain(bed, list("1.1.0", ...builtIn));
    const box = used(bed);
    const before = bed.snapshot();
    const result = chain.add(box);
    bed.host.sh(
      `nft 'add element inet weft forward4 { 127.0.0.1 comment "net box1-id eth0" : goto to-br0-isolated }'`,
    );
    const lo = { address: "127.0.0.1/8", interface: (result.interfaces as unknown[]).length };
    const earlier = {
      ...result,
      interfaces: [...(result.interfaces as unknown[]), { name: "lo", sandbox: box.netns }],
      ips: [...(result.ips as unknown[]), lo],
    };
    for (const run of chain.del(box, earlier)) expect(run).toSucceed();
    expect(bed.leftovers(before, shared)).toEqual([]);
  });

  it("GC of the list leaves the valid attachment whole, and nothing of the other", ({ bed }) => {
    const chain = new Chain(bed, list("1.1.0", ...builtIn.slice(0, 3)));
    const [kept, gone] = [bed.container(), bed.container()];
    const result = chain.add(kept);
    const before = bed.snapshot();
    chain.add(gone);
    bed.host.sh(`ip netns delete ${gone.name}`);
    const valid = [{ containerID: kept.containerID, ifname: kept.ifName }];
    for (const plugin of list("1.1.0", ...builtIn.slice(0, 3))) {
      const config = { ...plugin, "cni.dev/valid-attachments": valid };
      expect(bed.gc(String(plugin.type), config)).toSucceed();
    }
    const left = bed.leftovers(before, shared).filter((line) => !/netns|box2/.test(line));
    expect(left).toEqual([]);
    expect(chain.check(kept, result).map(({ stdout }) => stdout)).toEqual(["", "", ""]);
  });

  it("vxlan-overlay masquerades the container's address, not the loopback's", ({ bed }) => {
    const node = new Node(bed, 1);
    const lo = { cniVersion: "1.1.0", name: "lo", type: "loopback" };
    const before = bed.add("loopback", bed.container("first"), lo).result;
    const config = { ...node.config([node]), ipMasq: true, prevResult: before };
    const { box, result } = node.pod(config, "pod");
    const rules = node.view.nft();
    expect(rules).toContain("10.244.1.2 comment");
    expect(rules).not.toMatch(loopbackAddress);
    expect(JSON.stringify(result)).not.toContain("127.0.0.1");
    const call = { command: "CHECK", container: box, config: { ...config, prevResult: result } };
    expect(node.run(call)).toSucceed();
  });
});

describe("beside the reference plugins", () => {
  const names = (version: string) =>
    builtIn.filter((name) => name !== "firewall" || hasCheck(version));

  needs("reference plugins").for(commonVersions)(
    "in version %s the built-in list reports the same addresses of the same links",
    (version, { bed }) => {
      const told = (["ours", "theirs"] as const).map((side) => {
        const box = bed.container();
        const of = list(version, ...names(version)).map(({ ingressPolicy: _, ...each }) => each);
        const result = new Chain(bed, of).add(box, by(bed, side) as RunOptions);
        const links = (result.interfaces ?? []) as readonly { name: string }[];
        const text = JSON.stringify({
          links: links.map(({ name }) => name.replace(/^veth.*/, "veth")),
          ...("ip4" in result ? { ip4: result.ip4, ip6: result.ip6 } : { ips: result.ips }),
        });
        return JSON.parse(text.replace(/(10\.1\.2\.|fd00:2::)[23]\//g, "$1x/")) as unknown;
      });
      expect(told[0]).toEqual(told[1]);
    },
  );
});

/** A container that a plugin of others has connected: `eth0` at a bridge, and nothing of ours. */
function foreign(bed: Bed): Container {
  const box = bed.container();
  const { name } = box;
  bed.host.sh(`
    ip link show ext0 >/dev/null 2>&1 || { ip link add ext0 type bridge && ip link set ext0 addrgenmode none up && ip address add 10.1.9.1/24 dev ext0; }
    ip link add ${name}h type veth peer name eth0 netns ${name}
    ip link set ${name}h addrgenmode none master ext0 up
    ip -netns ${name} link set eth0 addrgenmode none up
    ip -netns ${name} address add 10.1.9.9/24 dev eth0
    until bridge link show dev ${name}h | grep -q forwarding; do sleep 0.01; done`);
  return box;
}

/** Results of plugins of others for it. */
const foreignResults = {
  "an interface without sandbox": { interfaces: [{ name: "eth0" }], index: 0 },
  "host and container without sandbox": {
    interfaces: [{ name: "ext0" }, { name: "box1h" }, { name: "eth0" }],
    index: 2,
  },
  "only the host's end, and the address is said to be its": {
    interfaces: [{ name: "box1h" }],
    index: 0,
  },
  "another name for the container's link": {
    interfaces: [{ name: "ext0" }, { name: "net0", sandbox: "/run/netns/box1" }],
    index: 1,
  },
  "an index out of range": { interfaces: [{ name: "ext0" }], index: 7 },
  "no index": { interfaces: [{ name: "ext0" }], index: undefined },
};

describe("a result of a main plugin of others", () => {
  const base = { cniVersion: "1.1.0", name: "net" };

  it.for(Object.entries(foreignResults))(
    "with %s: firewall and portmap work on the container's address, and CHECK looks",
    ([, { interfaces, index }], { bed }) => {
      const box = foreign(bed);
      const before = bed.snapshot();
      const ips = [
        { address: "10.1.9.9/24", ...(index === undefined ? {} : { interface: index }) },
      ];
      const prevResult = { cniVersion: "1.1.0", interfaces, ips };
      const firewall = { ...base, type: "firewall", prevResult };
      const ports = { runtimeConfig: { portMappings: [web] } };
      const portmap = { ...base, type: "portmap", ...ports, prevResult };
      expect(bed.add("firewall", box, firewall).result.ips).toEqual(ips);
      expect(bed.add("portmap", box, portmap)).toSucceed();
      serve(box, "tcp", 80);
      expect(ask(bed.host, "127.0.0.1", 8080)).toBe("10.1.9.1");
      expect(forwarded(bed)).toContain('10.1.9.9 comment "net box1-id eth0"');
      for (const config of [firewall, portmap]) {
        expect(bed.check(config.type, box, config)).toSucceed();
      }
      bed.host.sh("nft flush map inet weft forward4; nft flush map inet weft hostports4-any");
      for (const config of [firewall, portmap]) {
        expect(bed.check(config.type, box, config).error.code).toBe(104);
      }
      bed.add("firewall", box, firewall).result;
      bed.add("portmap", box, portmap).result;
      for (const config of [firewall, portmap]) {
        expect(bed.del(config.type, box, config)).toSucceed();
      }
      const left = bed.leftovers(before, shared).filter((line) => !line.includes("route_localnet"));
      expect(left).toEqual([]);
    },
  );

  it("says the host's and the loopback's addresses as well: those are not accepted", ({ bed }) => {
    const box = foreign(bed);
    const interfaces = [
      { name: "ext0" },
      { name: "eth0", sandbox: box.netns },
      { name: "lo", sandbox: box.netns },
    ];
    const ips = [
      { address: "127.0.0.1/8", interface: 2 },
      { address: "::1/128" },
      { address: "10.1.9.1/24", interface: 0 },
      { address: "10.1.9.9/24", interface: 1 },
    ];
    const prevResult = { cniVersion: "1.1.0", interfaces, ips };
    bed.add("firewall", box, { ...base, type: "firewall", prevResult }).result;
    expect(forwarded(bed)).toContain("10.1.9.9 comment");
    expect(forwarded(bed)).not.toMatch(loopbackAddress);
    expect(forwarded(bed)).not.toContain("10.1.9.1 ");
  });

  it("tuning's new hardware address is that of a link without sandbox, too", ({ bed }) => {
    const box = foreign(bed);
    const prevResult = {
      cniVersion: "1.1.0",
      interfaces: [{ name: "ext0" }, { name: "eth0", mac: "02:00:00:00:00:99" }],
      ips: [{ address: "10.1.9.9/24", interface: 1 }],
    };
    const mac = "02:00:00:00:00:01";
    const { interfaces } = bed.add("tuning", box, {
      ...base,
      type: "tuning",
      mac,
      prevResult,
    }).result;
    expect(interfaces[1]).toEqual({ name: "eth0", mac });
    expect(interfaces[0]).toEqual({ name: "ext0" });
  });
});

describe("two main plugins in one list, with two names", () => {
  /** What the first, a plugin of others, has made: net1 at a bridge of its own. */
  function withFirst(bed: Bed): { readonly box: Container; readonly before: Config } {
    const box = foreign(bed);
    box.sh("ip link set eth0 down && ip link set eth0 name net1 && ip link set net1 up");
    const interfaces = [{ name: "ext0" }, { name: "box1h" }, { name: "net1", sandbox: box.netns }];
    return {
      box,
      before: {
        cniVersion: "1.1.0",
        interfaces,
        ips: [{ address: "10.1.9.9/24", interface: 2 }],
      },
    };
  }

  it("the result begins with CNI_IFNAME's addresses, and keeps the other's", ({ bed }) => {
    const { box, before } = withFirst(bed);
    const config = { ...plugins("1.1.0").bridge, prevResult: before };
    const { interfaces, ips } = bed.add("bridge", box, config).result;
    expect(
      ips.map(({ address, interface: index = -1 }) => [address, interfaces[index]?.name]),
    ).toEqual([
      ["10.1.2.2/24", "eth0"],
      ["fd00:2::2/64", "eth0"],
      ["10.1.9.9/24", "net1"],
    ]);
  });

  it("bridge's CHECK does not look for what the other did not say whose it is", ({ bed }) => {
    const { box, before } = withFirst(bed);
    const prevResult = { ...before, interfaces: [], ips: [{ address: "10.1.9.9/24" }] };
    const config = plugins("1.1.0").bridge ?? {};
    const { result } = bed.add("bridge", box, { ...config, prevResult });
    expect(result.ips).toHaveLength(3);
    expect(bed.check("bridge", box, { ...config, prevResult: result })).toSucceed();
    box.sh("ip address delete 10.1.2.2/24 dev eth0");
    expect(bed.check("bridge", box, { ...config, prevResult: result }).error.code).toBe(104);
  });

  it("ports lead to CNI_IFNAME, and the firewall knows all of the container's", ({ bed }) => {
    const { box, before } = withFirst(bed);
    const of = plugins("1.1.0");
    const first = bed.add("bridge", box, { ...of.bridge, prevResult: before }).result;
    for (const type of ["firewall", "portmap"]) {
      const config = { ...of[type], prevResult: first };
      expect(bed.add(type, box, config)).toSucceed();
      expect(bed.check(type, box, config)).toSucceed();
    }
    expect(forwarded(bed)).toContain("10.1.2.2 comment");
    expect(forwarded(bed)).toContain("10.1.9.9 comment");
    const ports = bed.host.sh("nft list map inet weft hostports4-any");
    expect(ports).toContain("10.1.2.2 . 80");
    expect(ports).not.toContain("10.1.9.9");
    for (const type of ["firewall", "portmap"])
      bed.del(type, box, { ...of[type], prevResult: first });
    expect(bed.host.nft()).not.toContain("10.1.9.9");
  });
});
