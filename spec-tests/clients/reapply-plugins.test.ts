/** `weft reapply`: what each plugin has on the host, in networks of every kind. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import { fakeFirewalld } from "../bed/firewalld.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { Lists, resultsFolder } from "../bed/lists.ts";
import { ownEtc, writeNodeFile } from "../bed/node-file.ts";
import { answerTime } from "../bed/patience.ts";
import { serve } from "../bed/ports.ts";
import { workingConfig } from "../bed/subjects.ts";

const ranges = [[{ subnet: "10.251.37.0/24" }], [{ subnet: "fd00:37::/64" }]];
const ipam = { type: "host-local", ranges };
const bridge = { type: "bridge", bridge: "br0", isDefaultGateway: true, ipMasq: true, ipam };

function listOf(lists: Lists, plugins: readonly Config[], cniVersion = "1.1.0"): void {
  lists.write("10-net.conflist", { cniVersion, name: "net", plugins });
}

function add(lists: Lists, box: Container, more = ""): Config {
  const said = lists.weft(`add net ${box.netns} --container-id ${box.name} ${more}`);
  expect(said).toMatchObject({ status: 0 });
  return JSON.parse(said.stdout);
}

/** Links of the host that containers are behind. */
function hostEnds(bed: Bed): readonly string[] {
  const links = bed.host.ip("link show type veth");
  return links.flatMap(({ ifname, ifalias }) =>
    `${ifalias}`.startsWith("weft net") ? [String(ifname)] : [],
  );
}

/** What flushes links of the host: their addresses and routes of both families. */
function flushOf(...links: readonly string[]): string {
  return links
    .map(
      (link) => `for of in -4 -6; do ip $of route flush dev ${link}; done
      ip address flush dev ${link}`,
    )
    .join("\n");
}

interface Case {
  readonly what: string;
  readonly plugins: readonly Config[];
  readonly flush: (bed: Bed) => string;
  readonly cniVersion?: string;
}

const everything = "nft flush ruleset; echo 0 >/proc/sys/net/ipv4/ip_forward";

const cases: readonly Case[] = [
  {
    what: "a bridge with both families",
    plugins: [bridge, { type: "firewall" }],
    flush: () => `${everything}; echo 0 >/proc/sys/net/ipv6/conf/all/forwarding; ${flushOf("br0")}`,
  },
  {
    what: "ptp with both families",
    plugins: [{ type: "ptp", ipMasq: true, ipam }, { type: "firewall" }],
    flush: (bed) => `${everything}; ${flushOf(...hostEnds(bed))}`,
  },
  {
    what: "strict MAC spoof checks, and containers that are isolated",
    plugins: [
      { ...bridge, macspoofchk: "strict" },
      { type: "firewall", ingressPolicy: "isolated" },
    ],
    flush: () => everything,
  },
  {
    what: "policies on a bridge",
    plugins: [bridge, { type: "policy", ingress: { allow: [] }, egress: { deny: [{}] } }],
    flush: () => everything,
  },
  {
    what: "a bridge that others' bridges do not reach",
    plugins: [bridge, { type: "firewall", ingressPolicy: "same-bridge" }],
    flush: () => "nft flush ruleset",
  },
  {
    what: "a MAC that tuning has changed",
    plugins: [
      { ...bridge, macspoofchk: false },
      {
        type: "tuning",
        mac: "02:00:00:00:37:01",
        sysctl: { "net.ipv4.conf.eth0.log_martians": "1" },
      },
    ],
    flush: () => everything,
  },
  {
    what: "vxlan-overlay",
    plugins: [{ ...workingConfig("vxlan-overlay"), ipMasq: true }],
    flush: () => `${everything}; ${flushOf("weft.1", "cni0")}
      ip neighbour flush dev weft.1 nud permanent
      bridge fdb show dev weft.1 | while read -r mac rest; do
        bridge fdb del $mac dev weft.1 dst 198.51.100.2; done; true`,
  },
  {
    what: "flannel",
    plugins: [workingConfig("flannel")],
    flush: () => `${everything}; ${flushOf("br0")}`,
  },
  ...["0.2.0", "0.3.1", "0.4.0"].map((cniVersion) => ({
    what: `a list of version ${cniVersion}`,
    plugins: [bridge, { type: "portmap", capabilities: { portMappings: true } }],
    flush: () => `${everything}; ${flushOf("br0")}`,
    cniVersion,
  })),
];

describe("weft reapply", () => {
  it.for(cases.map((each) => [each.what, each] as const))(
    "mends %s",
    ([, { plugins, flush, cniVersion }], { bed }) => {
      const lists = new Lists(bed);
      listOf(lists, plugins, cniVersion);
      const box = bed.container();
      add(lists, box, "--capability portMappings=8080:80");
      bed.host.until("! ip -6 address show tentative | grep -q inet6");
      const before = bed.snapshot();
      bed.host.sh(flush(bed));
      expect(bed.leftovers(before)).not.toEqual([]);
      expect(lists.weft("reapply")).toMatchObject({
        ...{ status: 0, stderr: "", stdout: expect.stringMatching(/^1 mended$/m) },
      });
      expect(bed.leftovers(before)).toEqual([]);
      expect(lists.weft("reapply")).toEqual({ status: 0, stdout: "1 whole\n", stderr: "" });
      if (cniVersion === undefined || cniVersion === "0.4.0") {
        expect(lists.weft(`check net --container-id ${box.name}`)).toMatchObject({ status: 0 });
      }
    },
  );

  it.for([
    ["weft.1", [workingConfig("vxlan-overlay")]],
    ["bwp", [bridge, { type: "bandwidth", egressRate: 1e9, egressBurst: 1e9 }]],
  ] as const)("makes device %s… again that was deleted", ([name, plugins], { bed }) => {
    const lists = new Lists(bed);
    listOf(lists, plugins);
    const box = bed.container();
    add(lists, box);
    const devices = () => bed.host.links().filter((link) => link.startsWith(name));
    const before = devices();
    expect(before).toHaveLength(1);
    bed.host.sh(`ip link del ${before[0]}`);
    expect(lists.weft("reapply")).toMatchObject({ status: 0, stderr: "" });
    expect(devices()).toEqual(before);
    expect(lists.weft(`check net --container-id ${box.name}`)).toMatchObject({ status: 0 });
    expect(lists.weft("reapply")).toEqual({ status: 0, stdout: "1 whole\n", stderr: "" });
  });

  it("reaches containers by IPv6 after all addresses of their bridge were flushed", ({ bed }) => {
    const lists = new Lists(bed);
    listOf(lists, [bridge]);
    const [box, outside] = [bed.container(), bed.outside()];
    add(lists, box);
    outside.sh("ip -6 route add fd00:37::/64 via 2001:db8:ffff::1");
    bed.host.sh(`${flushOf("br0")}; ip -6 neighbour flush dev br0`);
    expect(outside.ping("fd00:37::2")).toBe(false);
    expect(lists.weft("reapply")).toMatchObject({ status: 0, stderr: "" });
    bed.host.sh("ip -6 neighbour flush dev br0");
    expect(outside.ping("fd00:37::2")).toBe(true);
  });

  it.for([
    { family: "INET", to: "203.0.113.2", host: "203.0.113.1", nowhere: "10.251.37.0/24" },
    { family: "INET6", to: "2001:db8:ffff::2", host: "2001:db8:ffff::1", nowhere: "fd00:37::/64" },
  ])("masquerades what a container goes on sending since before, to $to", (by, { bed }) => {
    const lists = new Lists(bed);
    listOf(lists, [bridge]);
    const [box, outside] = [bed.container(), bed.outside()];
    add(lists, box);
    outside.sh(`ip route add ${by.nowhere} dev wire`); // where nobody has the address
    serve(outside, "udp", 53);
    const asked = () =>
      box.sh(`python3 -c '
import socket
s = socket.socket(socket.AF_${by.family}, socket.SOCK_DGRAM)
s.settimeout(${answerTime(1)})
s.bind(("", 5000))
s.sendto(b"x", ("${by.to}", 53))
try: print(s.recv(99).decode(), end="")
except OSError: pass
'`);
    expect(asked()).toBe(by.host);
    bed.host.sh(`conntrack -F 2>/dev/null; conntrack -F -f ipv6 2>/dev/null
      nft add table inet other
      nft 'add chain inet other forward { type filter hook forward priority 0; }'
      nft add rule inet other forward ct state invalid drop
      nft delete table inet weft`);
    expect(asked()).toBe("");
    expect(lists.weft("reapply")).toMatchObject({ status: 0, stderr: "" });
    expect(asked()).toBe(by.host);
  });

  it("gives firewalld the addresses again that it has forgotten", ({ bed }) => {
    const lists = new Lists(bed);
    const firewalld = fakeFirewalld(bed);
    listOf(lists, [bridge, { type: "firewall", backend: "firewalld" }]);
    const { PATH } = firewalld.options.env;
    const weft = (words: string) => lists.run(`PATH=${PATH} ${bed.bin}/weft ${words}`);
    const words = `add net ${bed.container().netns} --container-id box`;
    expect(weft(words)).toMatchObject({ status: 0 });
    const sources = firewalld.sources();
    expect(sources).toHaveLength(2);
    firewalld.reload();
    expect(weft("reapply")).toMatchObject({ status: 0, stderr: "" });
    expect(firewalld.sources()).toEqual(sources);
    expect(weft("reapply")).toMatchObject({ stdout: "1 whole\n" });
  });

  it("leaves nothing of a container that a runtime detaches at the same time", ({ bed }) => {
    const lists = new Lists(bed);
    const firewalld = fakeFirewalld(bed);
    const ports = { type: "portmap", capabilities: { portMappings: true } };
    listOf(lists, [bridge, { type: "firewall", backend: "firewalld" }, ports]);
    const { PATH } = firewalld.options.env;
    const weft = (words: string) => lists.run(`PATH=${PATH} ${bed.bin}/weft ${words}`);
    const box = bed.container();
    const words = `add net ${box.netns} --container-id box --capability portMappings=8080:80`;
    expect(weft(words)).toMatchObject({ status: 0 });
    firewalld.reload();
    bed.host.sh("nft flush ruleset");
    const program = `${firewalld.folder}/busctl`;
    const detaching = `[ "$7" = addSource ] && rm -f ${resultsFolder}/*`;
    bed.write(program, bed.read(program).replace("\n", `\n${detaching}\n`));
    expect(weft("reapply")).toMatchObject({
      stdout: expect.stringMatching(/^gone is eth0 of container box .*: it was detached meanwhile/),
    });
    expect(bed.host.nft()).not.toContain("box");
    expect(firewalld.sources()).toEqual([]);
    expect(bed.list("/var/lib/cni/networks/net")).not.toContain("10.251.37.2");
  });

  it("finds a namespace whose path is not kept by what was reported", ({ bed }) => {
    const lists = new Lists(bed);
    listOf(lists, [bridge]);
    const box = bed.container();
    add(lists, box);
    const path = `${resultsFolder}/net-${box.name}-eth0`;
    bed.host.sh(`sed -i 's/"netns":"[^"]*",//' ${path}; grep -qv '"netns"' ${path}
      nft flush ruleset`);
    expect(lists.weft("reapply").stdout).toMatch(/^1 mended$/m);
    expect(bed.host.nft()).toContain("masquerade4");
  });

  it("says so where a list is not kept, and none has the name", ({ bed }) => {
    const lists = new Lists(bed);
    listOf(lists, [bridge]);
    const box = bed.container();
    add(lists, box);
    const path = `${resultsFolder}/net-${box.name}-eth0`;
    bed.host.sh(`sed -i 's/"config":"[^"]*"/"config":""/' ${path}; nft flush ruleset`);
    expect(lists.weft("reapply").stdout).toMatch(/^1 mended$/m);
    bed.host.sh(`rm ${lists.folder}/*; nft flush ruleset`);
    expect(lists.weft("reapply")).toMatchObject({
      ...{
        status: 1,
        stderr: expect.stringContaining("Cannot mend it: its result is kept without"),
      },
    });
    expect(bed.host.nft()).toBe("");
  });

  it("makes rules again by the packet filter that the node file names", ({ bed }) => {
    ownEtc(bed);
    writeNodeFile(bed, { backend: "iptables" });
    const lists = new Lists(bed);
    const ipam = { type: "host-local", subnet: "10.251.38.0/24" };
    listOf(lists, [
      { type: "bridge", bridge: "br0", isGateway: true, ipMasq: true, ipam },
      { type: "portmap", capabilities: { portMappings: true } },
      { type: "firewall" },
    ]);
    add(lists, bed.container(), "--capability portMappings=8080:80");
    const before = bed.snapshot();
    bed.host.sh("iptables -F; iptables -t nat -F; iptables -X; iptables -t nat -X");
    expect(bed.leftovers(before)).not.toEqual([]);
    expect(lists.weft("reapply")).toMatchObject({ status: 0, stderr: "" });
    expect(bed.leftovers(before)).toEqual([]);
    expect(lists.weft("reapply").stdout).toBe("1 whole\n");
    writeNodeFile(bed, '{ "backend": ');
    const refused = lists.weft("reapply");
    expect([refused.status, refused.stdout]).toEqual([1, ""]);
    expect(refused.stderr).toMatch(/^weft: Cannot use "\/etc\/cni\/weft.json": /);
  });

  it("mends ports that lead to an interface of another suite's", ({ bed }) => {
    const lists = new Lists(bed);
    const box = bed.container();
    const interfaces = [{ name: "other0" }, { name: "eth0", sandbox: box.netns }];
    const ips = [{ address: "10.251.38.2/24", interface: 1 }];
    lists.plugin("other", {
      ADD: {
        before: `ip link add other0 type veth peer name eth0 netns ${box.name}`,
        stdout: { cniVersion: "1.1.0", interfaces, ips },
      },
    });
    listOf(lists, [{ type: "other" }, { type: "portmap", capabilities: { portMappings: true } }]);
    add(lists, box, "--capability portMappings=8080:80");
    const before = bed.snapshot();
    bed.host.sh("nft flush ruleset");
    const left = `left alone plugin "other", which is none of this suite, of eth0 of container`;
    expect(lists.weft("reapply")).toMatchObject({
      ...{ status: 0, stderr: "", stdout: expect.stringContaining(left) },
    });
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("knows nothing of what plugins have that are not of this suite", ({ bed }) => {
    const lists = new Lists(bed);
    lists.plugin("other", { ADD: { stdout: { cniVersion: "1.1.0" } } });
    listOf(lists, [{ type: "other" }]);
    const box = bed.container();
    add(lists, box);
    expect(lists.weft("reapply")).toMatchObject({ status: 0, stdout: "1 whole\n" });
    expect(lists.order).toEqual(["ADD other"]);
  });
});
