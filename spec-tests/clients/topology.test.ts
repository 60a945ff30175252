/** `weft topology` beside what `ip`, `bridge` and `nft` say of the same host. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import { it } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";
import { Lists, resultsFolder } from "../bed/lists.ts";
import type { Entry } from "../bed/view.ts";

interface Node extends Entry {
  readonly id: string;
  readonly addresses: readonly string[];
}

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly how: string;
  readonly by?: string;
}

/** What `--json` prints, as far as tests ask for it. */
interface Topology {
  readonly hostname: string;
  readonly devices: readonly Node[];
  readonly attachments: readonly Node[];
  readonly peers: readonly Entry[];
  readonly edges: readonly Edge[];
  readonly masquerades: readonly Entry[];
  readonly ports: readonly Entry[];
  readonly unseen: readonly string[];
}

function topology(lists: Lists): Topology {
  const { status, stdout, stderr } = lists.weft("topology --json");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return JSON.parse(stdout) as Topology;
}

function picture(lists: Lists, words = ""): readonly string[] {
  const { status, stdout, stderr } = lists.weft(`topology ${words}`);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout.trimEnd().split("\n");
}

/** Runs `weft add` of a list of some plugins that is named by its first. */
function attach(bed: Bed, lists: Lists, plugins: readonly object[], words = ""): Container {
  const box = bed.container();
  const [{ type = "" } = {}] = plugins as readonly { readonly type?: string }[];
  lists.write(`${type}.conflist`, { cniVersion: "1.1.0", name: `${type}-net`, plugins });
  const run = `add ${type}-net ${box.netns} --container-id ${box.name} ${words}`;
  expect(lists.weft(run)).toMatchObject({ status: 0 });
  return box;
}

const ipam = (subnet: string) => ({ type: "host-local", ranges: [[{ subnet }]] });
const bridge = {
  ...{ type: "bridge", bridge: "br0", isGateway: true, ipMasq: true },
  ipam: { type: "host-local", ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]] },
};
const portmap = { type: "portmap", snat: true, capabilities: { portMappings: true } };
const overlay = {
  ...{ type: "vxlan-overlay", network: "10.244.0.0/16", subnet: "10.244.1.0/24" },
  ...{ uplink: "uplink0", mtu: 1450, ipam: { type: "host-local" } },
  peers: [
    { subnet: "10.244.2.0/24", publicIP: "198.51.100.2" },
    { subnet: "10.244.3.0/24", publicIP: "198.51.100.3" },
  ],
};

/** The elements of a map as `nft` shows them: keys and values, joined where they are several. */
function elements(bed: Bed, map: string): readonly string[] {
  const { nftables } = JSON.parse(bed.host.sh(`nft -j list map inet weft ${map}`));
  const all = nftables.flatMap((each: Entry) => (each.map as Entry | undefined)?.elem ?? []);
  return all.map((pair: readonly [Entry, Entry]) => pair.map(textOf).join(" ")).sort();
}

function textOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  const { elem, val, concat, goto, jump } = value as Readonly<Record<string, unknown>>;
  if (Array.isArray(concat)) return concat.map(textOf).join(" ");
  const chain = (goto ?? jump) as Entry | undefined;
  return chain ? textOf(chain.target) : textOf(elem ?? val);
}

describe("weft topology", () => {
  it("shows a bridge with its ports and the interfaces of containers behind them", ({ bed }) => {
    const lists = new Lists(bed);
    const boxes = [1, 2].map(() => attach(bed, lists, [bridge]));
    const { devices, attachments, edges } = topology(lists);
    const found = devices.find(({ name }) => name === "br0");
    expect(found?.addresses).toEqual(bed.host.addresses("br0"));
    expect(found).toMatchObject({ kind: "bridge", isUp: true, mtu: bed.host.link("br0").mtu });
    const ports = bed.host.bridge("link show").filter(({ master }) => master === "br0");
    const on = edges.filter(({ from }) => from === found?.id);
    expect(on.map(({ by }) => by).sort()).toEqual(ports.map(({ ifname }) => ifname).sort());
    for (const box of boxes) {
      const attachment = attachments.find(({ containerID }) => containerID === box.name);
      expect(attachment).toMatchObject({ kind: "veth", isAlive: true, netns: box.netns });
      expect(attachment?.addresses).toEqual(box.addresses("eth0"));
      const by = on.find(({ to }) => to === attachment?.id)?.by ?? "";
      expect(bed.host.link(by).ifindex).toBe(box.link("eth0").link_index);
    }
  });

  it("tells who is masqueraded, and where ports lead, as nft lists them", ({ bed }) => {
    const lists = new Lists(bed);
    const mappings = "portMappings=8080:80,198.51.100.1:53:5353/udp";
    const box = attach(bed, lists, [bridge, portmap], `--capability ${mappings}`);
    const { masquerades, ports } = topology(lists);
    const of = `attachment bridge-net/${box.name}/eth0`;
    expect([...masquerades, ...ports].every((each) => each.of === of)).toBe(true);
    const told = masquerades.map(({ address, subnet }) => `${address} masq-${subnet}`);
    expect(told.map((each) => each.replaceAll("masq-fd00:1::", "masq-fd00_1__"))).toEqual([
      ...elements(bed, "masquerade4"),
      ...elements(bed, "masquerade6"),
    ]);
    const led = ports.map(({ protocol, address, port, to }) => {
      const [, inside, number] = /^\[?(.*?)\]?:(\d+)$/.exec(String(to)) ?? [];
      const key = [protocol, ...(address === null ? [] : [address]), port];
      return [...key, inside, number].join(" ");
    });
    const maps = ["hostports4", "hostports4-any", "hostports6-any"];
    expect(led.sort()).toEqual(maps.flatMap((map) => elements(bed, map)).sort());
    expect(led).toHaveLength(3);
  });

  it("tells the same of rules of iptables", ({ bed }) => {
    const lists = new Lists(bed);
    const list = [
      { ...bridge, ipMasqBackend: "iptables", ipam: ipam("10.1.2.0/24") },
      { ...portmap, backend: "iptables" },
    ];
    const box = attach(bed, lists, list, "--capability portMappings=8080:80");
    const { masquerades, ports } = topology(lists);
    const of = `attachment bridge-net/${box.name}/eth0`;
    const rules = bed.host.sh("iptables-nft -t nat -S");
    const [, chain = "none"] = /-A POSTROUTING -s 10\.1\.2\.2\/32 .*-j (CNI-\S+)/.exec(rules) ?? [];
    expect(masquerades).toEqual([
      { address: null, subnet: null, by: `chain ${chain} in table ip nat`, of },
    ]);
    const [, led = "none"] = /-A (CNI-DN-\S+) .*--dport 8080 .*10\.1\.2\.2:80/.exec(rules) ?? [];
    expect(ports).toEqual([
      {
        ...{ protocol: "tcp", address: null, port: 8080, to: "10.1.2.2:80" },
        ...{ by: `chain ${led} of iptables`, of },
      },
    ]);
    expect(picture(lists).join("\n")).toContain(`10.1.2.2/24  in bridge-net  by chain ${chain}`);
  });

  it("tells where ports lead that have conditions", ({ bed }) => {
    const lists = new Lists(bed);
    const only = { ...portmap, conditionsV4: ["ip", "saddr", "198.51.100.0/24"] };
    attach(bed, lists, [bridge, only], "--capability portMappings=8080:80");
    const { ports } = topology(lists);
    expect(elements(bed, "hostports4-any-if")).toMatchObject([
      expect.stringMatching(/^tcp 8080 tcp-10\.1\.2\.2-80-/),
    ]);
    expect(ports.map(({ port, to, by }) => `${port} ${to} ${by}`)).toEqual([
      "8080 10.1.2.2:80 hostports4-any-if of nf_tables",
      "8080 [fd00:1::2]:80 hostports6-any of nf_tables",
    ]);
  });

  needs("reference plugins")("shows what the reference plugins attach", ({ bed }) => {
    const lists = new Lists(bed);
    const box = bed.container();
    const plugins = [{ ...bridge, ipam: ipam("10.1.2.0/24") }, portmap];
    lists.write("net.conflist", { cniVersion: "1.0.0", name: "net", plugins });
    const words = `add net ${box.netns} --container-id box --capability portMappings=8080:80`;
    expect(lists.weft(words, { CNI_PATH: bed.peer })).toMatchObject({ status: 0 });
    const { attachments, edges, masquerades, ports } = topology(lists);
    const of = attachments[0]?.id;
    expect(attachments).toMatchObject([{ kind: "veth", addresses: box.addresses("eth0") }]);
    const [{ by = "" } = {}] = edges.filter(({ to, how }) => to === of && how === "port");
    expect(bed.host.link(by).ifindex).toBe(box.link("eth0").link_index);
    expect(masquerades).toMatchObject([{ of }]);
    expect(ports).toMatchObject([{ protocol: "tcp", port: 8080, to: "10.1.2.2:80", of }]);
  });

  it("shows a pair without a bridge by its end on the host", ({ bed }) => {
    const lists = new Lists(bed);
    const box = attach(bed, lists, [{ type: "ptp", ipam: ipam("10.9.0.0/24") }]);
    const { edges } = topology(lists);
    const [edge] = edges.filter(({ to }) => to === `attachment ptp-net/${box.name}/eth0`);
    expect(edge).toMatchObject({ from: "host", how: "veth" });
    expect(bed.host.link(edge?.by ?? "").ifindex).toBe(box.link("eth0").link_index);
  });

  it("shows uplinks with their gateways, first", ({ bed }) => {
    const lists = new Lists(bed);
    bed.outside();
    bed.host.sh("ip route add default via 203.0.113.2");
    bed.host.sh("ip -6 route add default via 2001:db8:ffff::2");
    const uplinks = topology(lists).devices.filter(({ isUplink }) => isUplink);
    const routes = [
      ...bed.host.ip("-4 route show default"),
      ...bed.host.ip("-6 route show default"),
    ];
    expect(uplinks.map(({ name }) => name)).toEqual([routes[0]?.dev]);
    expect(uplinks[0]?.gateways).toEqual(routes.map(({ gateway }) => gateway));
    expect(picture(lists)[1]).toBe(
      "├─ uplink veth uplink  203.0.113.1/24 2001:db8:ffff::1/64, default by 203.0.113.2, 2001:db8:ffff::2",
    );
  });

  needs("macvlan")("shows a macvlan above its master", ({ bed }) => {
    const lists = new Lists(bed);
    const macvlan = { type: "macvlan", master: "uplink0", ipam: ipam("198.51.100.128/25") };
    const box = attach(bed, lists, [macvlan]);
    const to = `attachment macvlan-net/${box.name}/eth0`;
    expect(bed.host.link("uplink0").ifindex).toBe(box.link("eth0").link_index);
    expect(topology(lists).edges).toEqual([{ from: "device uplink0", to, how: "macvlan" }]);
    expect(topology(lists).attachments).toMatchObject([
      { id: to, kind: "macvlan", addresses: box.addresses("eth0") },
    ]);
  });

  needs("ipvlan")("shows an ipvlan above its master", ({ bed }) => {
    const lists = new Lists(bed);
    const box = attach(bed, lists, [
      { type: "ipvlan", master: "uplink0", ipam: ipam("10.9.0.0/24") },
    ]);
    const to = `attachment ipvlan-net/${box.name}/eth0`;
    expect(topology(lists).edges).toEqual([{ from: "device uplink0", to, how: "ipvlan" }]);
  });

  needs("802.1Q")("shows VLANs of the host and of containers above their masters", ({ bed }) => {
    const lists = new Lists(bed);
    bed.host.sh("ip link add link uplink0 name uplink0.7 type vlan id 7");
    const vlan = { type: "vlan", master: "uplink0", vlanId: 5, ipam: ipam("10.9.0.0/24") };
    const box = attach(bed, lists, [vlan]);
    expect(topology(lists).edges).toEqual([
      { from: "device uplink0", to: "device uplink0.7", how: "vlan" },
      { from: "device uplink0", to: `attachment vlan-net/${box.name}/eth0`, how: "vlan" },
    ]);
  });

  needs("vrf")("shows the links of a VRF", ({ bed }) => {
    const lists = new Lists(bed);
    bed.host.sh("ip link add blue type vrf table 10; ip link set uplink0 master blue");
    const { devices, edges } = topology(lists);
    expect(devices.find(({ name }) => name === "blue")).toMatchObject({ kind: "vrf", table: 10 });
    expect(edges).toEqual([{ from: "device blue", to: "device uplink0", how: "vrf" }]);
  });

  needs("vrf")("tells in which VRF of its container an interface is", ({ bed }) => {
    const lists = new Lists(bed);
    const box = attach(bed, lists, [bridge, { type: "vrf", vrfname: "red" }]);
    expect(box.link("eth0")).toMatchObject({ master: "red" });
    expect(topology(lists).attachments).toMatchObject([{ vrf: "red" }]);
  });

  needs("macvlan")(
    "does not take another namespace's link of the same index for a master",
    ({ bed }) => {
      const lists = new Lists(bed);
      const far = bed.container("far");
      far.sh(`ip link add own index ${bed.host.link("uplink0").ifindex} type bridge
      ip link add mv link own type macvlan mode bridge`);
      bed.host.sh("ip -n far link set mv netns $$");
      const ip = { type: "static", addresses: [{ address: "10.9.0.2/24" }] };
      const box = attach(bed, lists, [{ type: "host-device", device: "mv", ipam: ip }]);
      expect(box.link("eth0").link_index).toBe(bed.host.link("uplink0").ifindex);
      const to = `attachment host-device-net/${box.name}/eth0`;
      expect(topology(lists).edges).toEqual([{ from: "host", to, how: "moved" }]);
    },
  );

  it("shows a device that is in a container itself", ({ bed }) => {
    const lists = new Lists(bed);
    bed.host.sh("ip netns add far; ip link add own type veth peer name wire netns far");
    const ip = { type: "static", addresses: [{ address: "10.9.0.2/24" }] };
    const box = attach(bed, lists, [{ type: "host-device", device: "own", ipam: ip }]);
    expect(box.addresses("eth0")).toEqual(["10.9.0.2/24"]);
    const to = `attachment host-device-net/${box.name}/eth0`;
    expect(topology(lists).edges).toEqual([{ from: "host", to, how: "moved" }]);
    expect(topology(lists).devices.map(({ name }) => name)).not.toContain("own");
  });
});

describe("the peers of an overlay in weft topology", () => {
  it("are those that routes, neighbours and fdb lead to", ({ bed }) => {
    const lists = new Lists(bed);
    attach(bed, lists, [overlay]);
    const { devices, peers, edges } = topology(lists);
    const { linkinfo } = bed.host.link("weft.1") as { linkinfo?: { info_data?: Entry } };
    const { id: vni, port, local, link } = linkinfo?.info_data ?? {};
    const device = devices.find(({ name }) => name === "weft.1");
    expect(device?.overlay).toEqual({ vni, port, local, network: "vxlan-overlay-net" });
    expect(edges).toContainEqual({ from: `device ${link}`, to: device?.id, how: "carries" });
    const routes = bed.host.ip("route show dev weft.1").map(({ dst }) => dst);
    expect(peers.flatMap(({ subnets }) => subnets).sort()).toEqual([...routes].sort());
    const fdb = bed.host.bridge("fdb show dev weft.1").flatMap(({ dst }) => dst ?? []);
    expect(peers.map(({ publicIP }) => publicIP).sort()).toEqual([...fdb].sort());
    expect(peers).toHaveLength(2);
    expect(picture(lists).join("\n")).toContain("peer 198.51.100.2  10.244.2.0/24\n");
  });

  it("may be reached by the uplink itself", ({ bed }) => {
    const lists = new Lists(bed);
    attach(bed, lists, [{ ...overlay, directRouting: true }]);
    const direct = topology(lists).edges.filter(({ how }) => how === "direct");
    const routes = bed.host.ip("route show dev uplink0").filter(({ gateway }) => gateway);
    expect(direct.map(({ from, to }) => `${from} ${to}`).sort()).toEqual(
      routes.map(({ gateway }) => `device uplink0 peer uplink0 ${gateway}`).sort(),
    );
    expect(direct).toHaveLength(2);
  });

  it("are shown of a device of flannel's", ({ bed }) => {
    const lists = new Lists(bed);
    bed.host.sh(`
      ip link add flannel.1 type vxlan id 1 dstport 8472 local 198.51.100.1 dev uplink0 nolearning
      ip link set flannel.1 up
      ip route add 10.244.7.0/24 via 10.244.7.0 dev flannel.1 onlink
      ip neigh add 10.244.7.0 lladdr 0a:00:00:00:00:07 dev flannel.1 nud permanent
      bridge fdb add 0a:00:00:00:00:07 dst 198.51.100.7 dev flannel.1`);
    expect(topology(lists).peers).toEqual([
      { id: "peer flannel.1 198.51.100.7", publicIP: "198.51.100.7", subnets: ["10.244.7.0/24"] },
    ]);
  });
});

describe("weft topology, whatever it finds,", () => {
  it("changes nothing", ({ bed }) => {
    const lists = new Lists(bed);
    attach(bed, lists, [bridge, portmap], "--capability portMappings=8080:80");
    attach(bed, lists, [overlay]);
    const before = bed.snapshot();
    for (const words of ["", "--all", "--svg", "--svg --all", "--json"]) picture(lists, words);
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("tells that a namespace is gone, also if its path leads to something else by now", ({
    bed,
  }) => {
    const lists = new Lists(bed);
    const boxes = [1, 2, 3].map(() => attach(bed, lists, [bridge]));
    const [gone, replaced, live] = boxes;
    for (const box of [gone, replaced]) bed.host.sh(`ip netns del ${box?.name}`);
    bed.host.sh(`echo text >${replaced?.netns}`);
    bed.host.until("[ $(ip -o link show type veth | wc -l) = 1 ]");
    const alive = topology(lists).attachments.map(({ containerID, isAlive }) => [
      containerID,
      isAlive,
    ]);
    expect(alive).toEqual([
      [gone?.name, false],
      [replaced?.name, false],
      [live?.name, true],
    ]);
    expect(picture(lists).filter((line) => line.endsWith("  gone"))).toHaveLength(2);
  });

  it("knows attachments of which nothing is kept by what the host has of them", ({ bed }) => {
    const lists = new Lists(bed);
    const box = attach(bed, lists, [bridge]);
    bed.host.sh(`rm -r ${resultsFolder}`);
    const { attachments, edges } = topology(lists);
    const addresses = box.addresses("eth0").map((each) => each.replace(/\/\d+$/, ""));
    expect(attachments).toMatchObject([{ containerID: box.name, isAlive: true, addresses }]);
    expect(edges).toMatchObject([{ from: "device br0", to: attachments[0]?.id }]);
  });

  it("shows to everybody what everybody may see, and says what is left out", ({ bed }) => {
    const lists = new Lists(bed);
    attach(bed, lists, [bridge]);
    const as = "setpriv --reuid 65534 --regid 65534 --clear-groups";
    const { status, stdout, stderr } = lists.run(`${as} ${bed.bin}/weft topology`);
    expect(status).toBe(0);
    expect(stdout).toContain(`bridge br0      ${bed.host.addresses("br0").join(" ")}`);
    expect(stdout).toMatch(/veth\w+ {2}box1 eth0/);
    const lines = stderr.trimEnd().split("\n");
    expect(lines.map((line) => line.replace(/ cannot be shown: .*/, ""))).toEqual([
      "weft: What is kept of attachments",
      "weft: Leases",
      "weft: Masquerade and host ports",
    ]);
    expect(lines.every((line) => line.includes("run it as root"))).toBe(true);
    const json = lists.run(`${as} ${bed.bin}/weft topology --json`);
    expect(JSON.parse(json.stdout).unseen).toHaveLength(3);
  });

  it("prints nothing that a terminal or a browser obeys", ({ bed }) => {
    const lists = new Lists(bed);
    const box = attach(bed, lists, [bridge]);
    const hostile = `a\x1b[2J\x9b\u202e</text><script>x()</script>`;
    const address = `${hostile}/24`;
    const kept = {
      ...{ kind: "cniCacheV1", networkName: hostile, containerId: hostile, ifName: hostile },
      ...{ netns: `${box.netns}${hostile}`, result: { ips: [{ address }], interfaces: hostile } },
    };
    bed.write(`${resultsFolder}/hostile`, JSON.stringify(kept));
    bed.write(`${resultsFolder}/half`, JSON.stringify(kept).slice(0, 90));
    bed.write("/tmp/alias", `weft ${hostile} ${hostile} eth0`);
    bed.host.sh('ip link set uplink0 alias "$(cat /tmp/alias)"');
    bed.host.sh('ip link add port0 type veth && ip link set port0 alias "$(cat /tmp/alias)"');
    for (const words of ["", "--all", "--svg", "--svg --all", "--json"]) {
      const text = picture(lists, words).join("");
      expect(text).not.toMatch(/\p{Cc}/u);
      if (words !== "--json") expect(text).not.toContain("\u202e");
      if (words.startsWith("--svg")) expect(text).not.toContain("<script");
      expect(text).toContain("\\u001b[2J");
    }
    expect(topology(lists).attachments.map(({ ifName }) => ifName)).toContain(hostile);
  });

  it("finds its way through thousands of results", ({ bed }) => {
    const lists = new Lists(bed);
    attach(bed, lists, [bridge]);
    for (let i = 0; i < 2000; i++) {
      const names = { networkName: "other", containerId: `box-${i}`, ifName: "eth0" };
      const text = JSON.stringify({ kind: "cniCacheV1", ...names, netns: `/run/netns/gone${i}` });
      bed.write(`${resultsFolder}/other-box-${i}-eth0`, text);
    }
    expect(topology(lists).attachments).toHaveLength(2001);
    const lines = picture(lists);
    expect(lines.join("\n")).toContain("… and 1990 more containers (--all shows them)");
    expect(lines.length).toBeLessThan(30);
  });

  it.for(["--yaml", "net", "--json --svg", "--all=1"])(
    "refuses to be called with %s",
    (words, { bed }) => {
      const { status, stdout, stderr } = new Lists(bed).weft(`topology ${words}`);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toContain("usage: weft ");
    },
  );
});
