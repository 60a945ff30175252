/** The portmap plugin: who reaches a container by a port of the host, and who is left alone. */
import { describe, expect } from "vitest";
import { sharedBy } from "../bed/difference.ts";
import { it } from "../bed/it.ts";
import {
  type Attached,
  attach,
  awaitIpv6,
  backends,
  bridge,
  dns,
  portmap,
  web,
} from "../bed/portmaps.ts";
import { ask, serve, world } from "../bed/ports.ts";
import { workingConfig } from "../bed/subjects.ts";

describe.for(backends)("%s", (backend) => {
  it("P14.02 the world, the host, its loopback, neighbours and itself reach a container", ({
    bed,
  }) => {
    const outside = world(bed);
    const { box } = attach(bed, portmap([web], { backend }));
    const neighbour = attach(bed, portmap([])).box;
    serve(box, "tcp", 80);
    awaitIpv6(bed);
    expect(ask(outside, "192.0.2.1", 8080)).toBe("192.0.2.9");
    expect(ask(outside, "fd99::1", 8080)).toBe("fd99::9");
    expect(ask(bed.host, "192.0.2.1", 8080)).toBe("192.0.2.1");
    expect(ask(bed.host, "127.0.0.1", 8080)).toBe("10.1.2.1");
    expect(ask(neighbour, "192.0.2.1", 8080)).toBe("10.1.2.1");
    expect(ask(neighbour, "10.1.2.1", 8080)).toBe("10.1.2.1");
    expect(ask(neighbour, "fd99::1", 8080)).toBe("fd00:2::1");
    expect(ask(box, "192.0.2.1", 8080)).toBe("10.1.2.1");
    expect(ask(box, "fd99::1", 8080)).toBe("fd00:2::1");
  });

  it("UDP is led, and what was led elsewhere before follows", ({ bed }) => {
    const outside = world(bed);
    serve(bed.host, "udp", 5353);
    expect(ask(outside, "192.0.2.1", 5353, "udp")).toBe("192.0.2.9");
    const stale = `src=192.0.2.9 dst=192.0.2.1 .* dport=5353`;
    expect(bed.host.sh("conntrack -L -p udp 2>/dev/null || true")).not.toMatch("dport=99");
    const first = attach(bed, portmap([dns], { backend }));
    serve(first.box, "udp", 53);
    const flows = () => bed.host.sh("conntrack -L -p udp 2>/dev/null");
    expect(flows()).not.toMatch(new RegExp(stale));
    expect(ask(outside, "192.0.2.1", 5353, "udp")).toBe("192.0.2.9");
    expect(flows()).toMatch(/dport=5353 src=10\.1\.2\.2/);
    first.chain.del(first.box, first.result);
    expect(flows()).not.toMatch("dport=5353");
  });

  it("only packets for this host are touched", ({ bed }) => {
    const outside = world(bed);
    const { box } = attach(bed, portmap([web, dns], { backend, masqAll: true }));
    const other = attach(bed, portmap([])).box;
    bed.host.sh("ip address add 10.96.0.1/32 dev lo");
    bed.host.sh("ip address del 10.96.0.1/32 dev lo; ip route add 10.96.0.0/16 via 192.0.2.9");
    outside.sh("ip address add 10.96.0.1/32 dev lo");
    serve(box, "tcp", 80);
    serve(outside, "tcp", 8080);
    expect(ask(other, "192.0.2.9", 8080), "another node's address").toBe("10.1.2.3");
    expect(ask(other, "10.96.0.1", 8080), "a service's address").toBe("10.1.2.3");
    expect(ask(bed.host, "10.96.0.1", 8080), "from the host").toBe("192.0.2.1");
  });

  it("a mapping at one address leaves the others alone", ({ bed }) => {
    const outside = world(bed);
    const { box } = attach(bed, portmap([{ ...web, hostIP: "192.0.2.1" }], { backend }));
    serve(box, "tcp", 80);
    expect(ask(outside, "192.0.2.1", 8080)).toBe("192.0.2.9");
    expect(ask(outside, "198.51.100.1", 8080)).toBe("");
    expect(ask(outside, "fd99::1", 8080)).toBe("");
  });

  it("neighbours do not reach what listens on the loopback of the host", ({ bed }) => {
    const outside = world(bed);
    const { box } = attach(bed, portmap([web], { backend }));
    bed.host.sh("echo 1 >/proc/sys/net/ipv4/conf/wan/route_localnet");
    serve(bed.host, "tcp", 9999);
    expect(bed.host.sysctl("net/ipv4/conf/br0/route_localnet")).toBe("1");
    for (const [from, via] of [
      [outside, "192.0.2.1"],
      [box, "10.1.2.1"],
    ] as const) {
      from.sh(
        `ip route add 127.0.0.99/32 via ${via}; ip route del local 127.0.0.0/8 table local || true`,
      );
      from.sh(
        "for i in all default eth0; do echo 1 >/proc/sys/net/ipv4/conf/$i/route_localnet; done",
      );
      expect(ask(from, "127.0.0.99", 9999)).toBe("");
    }
  });

  it("snat false keeps every client's address, and opens no loopback", ({ bed }) => {
    const outside = world(bed);
    const { box } = attach(bed, portmap([web], { backend, snat: false }));
    serve(box, "tcp", 80);
    expect(ask(outside, "192.0.2.1", 8080)).toBe("192.0.2.9");
    expect(ask(bed.host, "127.0.0.1", 8080)).toBe("");
    expect(bed.host.sysctl("net/ipv4/conf/br0/route_localnet")).toBe("0");
  });

  it("masqAll hides every client", ({ bed }) => {
    const outside = world(bed);
    const { box } = attach(bed, portmap([web], { backend, masqAll: true }));
    serve(box, "tcp", 80);
    awaitIpv6(bed);
    expect(ask(outside, "192.0.2.1", 8080)).toBe("10.1.2.1");
    expect(ask(outside, "fd99::1", 8080)).toBe("fd00:2::1");
  });

  it("a mark of its own does as well", ({ bed }) => {
    const outside = world(bed);
    const { box } = attach(bed, portmap([web], { backend, markMasqBit: 31 }));
    serve(box, "tcp", 80);
    expect(ask(outside, "192.0.2.1", 8080)).toBe("192.0.2.9");
    expect(ask(bed.host, "127.0.0.1", 8080)).toBe("10.1.2.1");
    expect(ask(box, "192.0.2.1", 8080)).toBe("10.1.2.1");
  });

  it("SCTP is led as well, as the rules show", ({ bed }) => {
    attach(bed, portmap([{ ...web, protocol: "SCTP" }], { backend }));
    const rules = bed.host.sh(backend === "nftables" ? "nft list ruleset" : "iptables-save -t nat");
    expect(rules).toMatch(/sctp.*10\.1\.2\.2( \. |:)80/);
  });

  it("a port that is taken is refused, and its holder named", ({ bed }) => {
    const first = attach(bed, portmap([web], { backend }));
    const second = attach(bed, portmap([], { backend }));
    for (const taken of [web, { ...web, hostIP: "192.0.2.1" }, { ...web, hostPort: 8080 }]) {
      const before = bed.snapshot();
      const config = { ...portmap([dns, taken], { backend }), prevResult: second.result };
      const { error } = bed.add("portmap", second.box, config);
      expect(error.code).toBe(103);
      expect(error.msg).toMatch(/^Cannot map (?:tcp|udp|sctp) port \d+/);
      expect(error.msg).toContain(first.box.containerID);
      expect(bed.leftovers(before)).toEqual([]);
    }
  });

  it("one container has a port at two addresses, and gives both back", ({ bed }) => {
    const outside = world(bed);
    const both = ["192.0.2.1", "127.0.0.1"].map((hostIP) => ({ ...web, hostIP }));
    const { box, config } = attach(bed, portmap(both, { backend }));
    serve(box, "tcp", 80);
    expect(ask(outside, "192.0.2.1", 8080)).toBe("192.0.2.9");
    expect(ask(bed.host, "127.0.0.1", 8080)).toBe("10.1.2.1");
    expect(bed.del("portmap", box, config)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.host.nft()).not.toContain(box.containerID);
  });

  it("the same port at two addresses has two owners", ({ bed }) => {
    const outside = world(bed);
    const [one, two] = ["192.0.2.1", "198.51.100.1"].map((hostIP) => {
      const { box } = attach(bed, portmap([{ ...web, hostIP }], { backend }));
      box.sh("ip link set lo up");
      return box;
    });
    const late = attach(bed, portmap([], { backend }));
    const config = { ...portmap([web], { backend }), prevResult: late.result };
    expect(bed.add("portmap", late.box, config).error.code).toBe(103);
    if (one) serve(one, "tcp", 80);
    expect(ask(outside, "192.0.2.1", 8080)).toBe("192.0.2.9");
    expect(ask(outside, "198.51.100.1", 8080)).toBe("");
    if (two) serve(two, "tcp", 80);
    expect(ask(outside, "198.51.100.1", 8080)).toBe("192.0.2.9");
  });

  it("ADD twice is one mapping, and DEL leaves nothing", ({ bed }) => {
    const { box, chain, config, result } = attach(bed, portmap([web], { backend }));
    bed.del("portmap", box, config);
    const before = bed.snapshot();
    const call = { ...portmap([web, dns], { backend }), prevResult: result };
    bed.add("portmap", box, call).result;
    const once = bed.snapshot();
    bed.add("portmap", box, call).result;
    expect(bed.leftovers(once)).toEqual([]);
    bed.del("portmap", box, { ...config, ...call }).ok;
    expect(bed.leftovers(before, sharedBy(bridge))).toEqual([]);
    chain.del(box, result);
  });

  it.for([
    ["runtimeConfig", { runtimeConfig: undefined }],
    ["prevResult", { prevResult: undefined }],
    ["the mappings", { runtimeConfig: { portMappings: [] } }],
    ["sense in the mappings", { runtimeConfig: { portMappings: [{ hostPort: "x" }, 7] } }],
  ] as const)("DEL does its work without %s, and twice", ([, less], { bed }) => {
    const { box, config, result } = attach(bed, portmap([web], { backend }));
    bed.del("portmap", box, config);
    const before = bed.snapshot();
    const call = { ...portmap([web, dns], { backend }), prevResult: result };
    bed.add("portmap", box, call).result;
    for (const _ of [1, 2]) {
      const run = bed.del("portmap", box, { ...call, ...less }, { env: { CNI_NETNS: "" } });
      expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    }
    expect(bed.leftovers(before, sharedBy(bridge))).toEqual([]);
  });

  it("networks and interfaces of one container do not disturb each other", ({ bed }) => {
    const { box, result } = attach(bed, portmap([], { backend }));
    const call = (hostPort: number, name: string) => ({
      ...portmap([{ ...web, hostPort }], { backend }),
      name,
      prevResult: result,
    });
    const eth1 = { env: { CNI_IFNAME: "eth1" } };
    const inside = { interfaces: [{ name: "eth1", sandbox: box.netns }] };
    const second = {
      ...call(8081, "net"),
      prevResult: { ...result, ...inside, ips: [{ address: "10.1.2.2/24", interface: 0 }] },
    };
    bed.add("portmap", box, call(8080, "net")).result;
    bed.add("portmap", box, second, eth1).result;
    bed.add("portmap", box, call(8082, "other")).result;
    bed.del("portmap", box, second, eth1);
    serve(box, "tcp", 80);
    expect(ask(bed.host, "127.0.0.1", 8080)).toBe("10.1.2.1");
    expect(ask(bed.host, "127.0.0.1", 8081)).toBe("");
    bed.del("portmap", box, call(8082, "other"));
    expect(ask(bed.host, "127.0.0.1", 8080)).toBe("10.1.2.1");
    expect(ask(bed.host, "127.0.0.1", 8082)).toBe("");
  });

  it("a port that another network of the container has stays there, as podman asks in each", ({
    bed,
  }) => {
    const outside = world(bed);
    const { box, config, result } = attach(bed, portmap([web], { backend }));
    const inside = { interfaces: [{ name: "eth1", sandbox: box.netns }] };
    const second = {
      ...portmap([web, { ...dns, hostPort: 5300 }], { backend }),
      ...{
        name: "other",
        prevResult: { ...result, ...inside, ips: [{ address: "10.9.9.2/24", interface: 0 }] },
      },
    };
    const eth1 = { env: { CNI_IFNAME: "eth1" } };
    serve(box, "tcp", 80);

    expect(bed.add("portmap", box, second, eth1)).toSucceed();

    expect(ask(outside, "192.0.2.1", 8080)).toBe("192.0.2.9");
    expect(bed.check("portmap", box, second, eth1)).toSucceed();
    expect(bed.check("portmap", box, { ...config, prevResult: result })).toSucceed();
    expect(bed.del("portmap", box, second, eth1)).toSucceed();
    expect(ask(outside, "192.0.2.1", 8080)).toBe("192.0.2.9");
    expect(bed.del("portmap", box, { ...config, prevResult: result })).toSucceed();
    expect(ask(outside, "192.0.2.1", 8080)).toBe("");
  });

  it("GC removes the mappings of attachments that are gone, of this network only", ({ bed }) => {
    const [kept, gone] = [
      attach(bed, portmap([], { backend })),
      attach(bed, portmap([], { backend })),
    ];
    const call = ({ result }: Attached, hostPort: number, name = "net") => ({
      ...portmap([{ ...web, hostPort }], { backend }),
      name,
      prevResult: result,
    });
    bed.add("portmap", kept.box, call(kept, 8080)).result;
    bed.add("portmap", gone.box, call(gone, 8082, "other")).result;
    const before = bed.snapshot();
    bed.add("portmap", gone.box, call(gone, 8081)).result;
    const valid = [{ containerID: kept.box.containerID, ifname: "eth0" }];
    const config = { ...portmap([], { backend }), "cni.dev/valid-attachments": valid };
    expect(bed.gc("portmap", config)).toSucceed();
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("CHECK finds whatever is missing", ({ bed }) => {
    const { box, result } = attach(bed, portmap([], { backend }));
    const call = { ...portmap([web], { backend }), prevResult: result };
    const faults =
      backend === "nftables"
        ? [
            "nft flush map inet weft hostports4-any",
            "nft flush chain inet weft hostports-in",
            "nft flush chain inet weft martians",
            "nft flush ruleset",
            "echo 0 >/proc/sys/net/ipv4/conf/br0/route_localnet",
          ]
        : [
            "iptables -t nat -F CNI-HOSTPORT-DNAT",
            "iptables -t nat -F PREROUTING",
            "iptables -t nat -F CNI-HOSTPORT-MASQ",
            "ip6tables -t nat -F",
            "echo 0 >/proc/sys/net/ipv4/conf/br0/route_localnet",
          ];
    for (const fault of faults) {
      bed.add("portmap", box, call).result;
      expect(bed.check("portmap", box, call)).toSucceed();
      bed.host.sh(fault);
      const before = bed.snapshot();
      expect(bed.check("portmap", box, call).error.code, fault).toBe(104);
      expect(bed.leftovers(before)).toEqual([]);
    }
    bed.add("portmap", box, call).result;
    serve(box, "tcp", 80);
    expect(ask(bed.host, "127.0.0.1", 8080)).toBe("10.1.2.1");
  });

  it("STATUS is ready", ({ bed }) => {
    const run = bed.exec("portmap", { command: "STATUS", config: portmap([], { backend }) });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
  });
});

describe("conditions", () => {
  it.for([
    ["nftables", ["ip", "saddr", "!=", "192.0.2.9"]],
    ["nftables", ['iifname != "wan"']],
    ["iptables", ["!", "-s", "192.0.2.9"]],
    ["iptables", ["!", "-i", "wan"]],
  ] as const)("%s: %j are for this mapping alone", ([, conditionsV4], { bed }) => {
    const outside = world(bed);
    const one = attach(bed, portmap([web], { conditionsV4 }));
    const two = attach(bed, portmap([{ ...web, hostPort: 8081 }]));
    const neighbour = attach(bed, portmap([])).box;
    serve(one.box, "tcp", 80);
    expect(ask(outside, "192.0.2.1", 8080)).toBe("");
    expect(ask(neighbour, "192.0.2.1", 8080)).toBe("10.1.2.1");
    serve(two.box, "tcp", 80);
    expect(ask(outside, "192.0.2.1", 8081)).toBe("192.0.2.9");
    const config = { ...one.config, prevResult: one.result };
    expect(bed.check("portmap", one.box, config)).toSucceed();
  });

  it("externalSetMarkChain is jumped to, and nothing else marks", ({ bed }) => {
    bed.host.sh("iptables -t nat -N KUBE-MARK-MASQ; ip6tables -t nat -N KUBE-MARK-MASQ");
    const { box, config, result } = attach(
      bed,
      portmap([web], { externalSetMarkChain: "KUBE-MARK-MASQ" }),
    );
    const rules = bed.host.sh("iptables-save -t nat");
    expect(rules).toMatch(/-s 10\.1\.2\.0\/24 .* -j KUBE-MARK-MASQ/);
    expect(rules).not.toContain("CNI-HOSTPORT-SETMARK");
    expect(bed.check("portmap", box, { ...config, prevResult: result })).toSucceed();
  });
});

describe("bad input changes nothing", () => {
  const prevResult = workingConfig("portmap").prevResult;
  it.for([
    [{ hostPort: 0 }],
    [{ hostPort: 70000 }],
    [{ hostPort: "80" }],
    [{ hostPort: 80.5 }],
    [{ hostPort: -1 }],
    [{ containerPort: 0 }],
    [{ containerPort: 65536 }],
    [{ protocol: "icmp" }],
    [{ protocol: "" }],
    [{ protocol: undefined }],
    [{ hostIP: "nonsense" }],
    [{ hostIP: "10.1.2.3/24" }],
  ])("P14.02 a mapping with %j", ([more], { bed }) => {
    const box = bed.container();
    const before = bed.snapshot();
    const config = { ...portmap([dns, { ...web, ...more }]), prevResult };
    expect(bed.add("portmap", box, config).error.code).toBe(7);
    expect(bed.leftovers(before)).toEqual([]);
  });

  it.for([
    [
      "the same port twice, to two targets",
      { runtimeConfig: { portMappings: [web, { ...web, containerPort: 81 }] } },
    ],
    [
      "a port at any address and at one, to two targets",
      {
        runtimeConfig: {
          portMappings: [web, { ...web, containerPort: 81, hostIP: "192.0.2.1" }],
        },
      },
    ],
    ["an unknown backend", { backend: "ipfw" }],
    ["a bit beyond the mark", { markMasqBit: 32 }],
    ["two ways to mark", { markMasqBit: 1, externalSetMarkChain: "X" }],
    [
      "nft's conditions for iptables",
      { backend: "iptables", conditionsV4: ["ip", "saddr", "10.0.0.0/8"] },
    ],
    [
      "iptables' conditions for nftables",
      { backend: "nftables", conditionsV4: ["-s", "10.0.0.0/8"] },
    ],
    ["a chain of iptables for nftables", { backend: "nftables", externalSetMarkChain: "X" }],
    ["conditions nobody understands", { conditionsV4: ["tcp", "flags", "syn"] }],
    ["conditions that jump", { conditionsV4: ["-s", "10.0.0.0/8", "-j", "ACCEPT"] }],
    ["conditions of two lines", { conditionsV4: ["-s", "10.0.0.0/8\n-A INPUT -j DROP"] }],
    ["no result before", { prevResult: undefined }],
  ] as const)("%s", ([, more], { bed }) => {
    const box = bed.container();
    const before = bed.snapshot();
    expect(bed.add("portmap", box, { ...portmap([web]), prevResult, ...more }).error.code).toBe(7);
    expect(bed.leftovers(before)).toEqual([]);
  });
});

it("an ADD sends as much, however many containers have ports", ({ bed }) => {
  const prevResult = (number: number) => ({
    cniVersion: "1.1.0",
    interfaces: [{ name: "eth0", sandbox: "/x" }],
    ips: [{ address: `10.1.${number >> 7}.${2 + (number & 127)}/16`, interface: 0 }],
  });
  const add = (number: number) => {
    const ports = [0, 1, 2].map((i) => ({ ...web, hostPort: 10_000 + 3 * number + i }));
    const config = { ...portmap(ports), prevResult: prevResult(number) };
    const folder = bed.folder("trace");
    const trace = `strace -qq -o ${folder}/calls -e trace=sendto,recvfrom`;
    bed.host.sh(
      `printf '#!/bin/sh\\nexec ${trace} ${bed.bin}/portmap' >${folder}/portmap; chmod +x ${folder}/portmap`,
    );
    const from = number % 50 === 0 ? { from: folder } : {};
    const env = { CNI_CONTAINERID: `c${number}`, CNI_NETNS: box.netns };
    bed.add("portmap", box, config, { ...from, env }).result;
    return number % 50 === 0 ? bed.read(`${folder}/calls`).trim().split("\n").length : 0;
  };
  const box = bed.container();
  add(0);
  const first = add(50);
  for (let number = 51; number <= 199; number++) add(number);
  expect(add(200)).toBe(first);
});
