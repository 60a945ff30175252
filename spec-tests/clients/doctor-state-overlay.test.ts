/** `weft doctor`, of hosts that are joined: entries, ways, packet sizes, and the files they go by. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import { type Finding, findingsOf } from "../bed/doctor-state.ts";
import { it } from "../bed/it.ts";
import { Lists } from "../bed/lists.ts";
import { atTerminal } from "../bed/terminal.ts";

const ids = [
  ...["overlay-entries", "overlay-not-joined", "overlay-unreachable", "overlay-path-mtu"],
  ...["overlay-silent", "overlay-file-old", "clock-behind", "not-checked"],
];

function found(lists: Lists, words = ""): readonly Finding[] {
  return findingsOf(lists.weft(`doctor --json ${words}`).stdout, ids);
}

function said(lists: Lists, words = ""): readonly string[] {
  return found(lists, words).map(({ id, finding }) => `${id}: ${finding}`);
}

const peersFile = "/run/weft/net/peers.json";

/** How hosts of a family know each other: 1 is this host, 2 another, 9 nobody. */
const families = {
  IPv4: { of: (host: number) => `198.51.100.${host}`, length: 24, wrapping: 50 },
  IPv6: { of: (host: number) => `2001:db8:ff::${host}`, length: 64, wrapping: 70 },
};

type Family = keyof typeof families;

/** A network over this host and another one, which is on the same link. */
function join(bed: Bed, name: Family, peers = [peer(name, 2)]): { lists: Lists; far: Container } {
  const { of, length } = families[name];
  const far = bed.container("far");
  bed.host.sh(`
    ip link add far0 master uplink0 type veth peer name wire netns far
    ip address replace ${of(1)}/${length} dev uplink0 ${name === "IPv6" ? "nodad" : ""}
    ip link set far0 up
    ip -n far address add ${of(2)}/${length} dev wire ${name === "IPv6" ? "nodad" : ""}
    ip -n far link set wire up`);
  bed.host.until("bridge link show dev far0 | grep -q 'state forwarding'");
  const lists = new Lists(bed);
  lists.net([{ ...overlay, publicIP: of(1), peers }]);
  const box = bed.container();
  expect(lists.weft(`add net ${box.netns} --container-id box`)).toMatchObject({ status: 0 });
  return { lists, far };
}

function peer(name: Family, host: number): { subnet: string; publicIP: string } {
  return { subnet: `10.251.${host}.0/24`, publicIP: families[name].of(host) };
}

const overlay = {
  ...{ type: "vxlan-overlay", network: "10.251.0.0/16", subnet: "10.251.1.0/24" },
  ...{ uplink: "uplink0", ipam: { type: "host-local" } },
};

describe("weft doctor, of what leads to other hosts,", () => {
  it("finds each entry that is missing, and nothing once it is mended", ({ bed }) => {
    const { lists } = join(bed, "IPv4");
    expect(said(lists)).toEqual([]);
    const dst = "dst 198.51.100.2";
    bed.host.sh(`
      ip route del 10.251.2.0/24
      ip neighbour del 10.251.2.0 dev weft.1
      bridge fdb del $(bridge fdb show dev weft.1 | grep '${dst}' | cut -d' ' -f1) dev weft.1 ${dst}`);
    const [first, ...others] = found(lists);
    expect([first?.level, first?.id, others]).toEqual(["error", "overlay-entries", []]);
    expect(first?.finding).toMatch(/^The overlay "net" does not reach every host: /);
    for (const entry of ["fdb entry", "neighbour 10.251.2.0", "route 10.251.2.0/24"]) {
      expect(first?.finding).toContain(`peer 198.51.100.2: there is no ${entry}`);
    }
    expect(lists.weft("doctor")).toMatchObject({ status: 1 });
    bed.host.sh(`${bed.bin}/vxlan-overlay daemon ${lists.folder}/10-net.conflist --once`);
    expect(said(lists)).toEqual([]);
  });

  it("compares with the file of peers", ({ bed }) => {
    const { lists } = join(bed, "IPv4");
    bed.write(peersFile, JSON.stringify([peer("IPv4", 3)]));
    expect(said(lists)).toContainEqual(
      expect.stringMatching(
        /^overlay-entries: .*peer 198.51.100.3: there is no route 10.251.3.0\/24/,
      ),
    );
    bed.write(peersFile, JSON.stringify([{ ...peer("IPv4", 3), subnet: "10.9.0.0/24" }]));
    expect(said(lists)).toEqual([expect.stringMatching(/^overlay-entries: .*within the network/)]);
  });

  it("says that this host is not joined, and is silent before it is asked to be", ({ bed }) => {
    const lists = new Lists(bed);
    const { subnet: _, ...incomplete } = overlay;
    lists.net([incomplete]);
    expect(said(lists)).toEqual([expect.stringMatching(/^overlay-not-joined: .*subnet/)]);
    bed.host.sh("mkdir -p /run/weft/net");
    bed.write("/run/weft/net/node.json", '{"subnet":"10.251.1.0/24"}');
    expect(said(lists)).toEqual([]);
  });

  it("finds hosts to which there is no way, or whose neighbours are silent", ({ bed }) => {
    const lost = { subnet: "10.251.7.0/24", publicIP: "203.0.113.7" };
    const { lists } = join(bed, "IPv4", [peer("IPv4", 2), peer("IPv4", 9), lost]);
    const noWay =
      'overlay-unreachable: Packets do not get to 1 host by "weft.1", since no route leads there: 203.0.113.7';
    expect(said(lists)).toEqual([noWay]);
    bed.host.sh("ping -c 1 -W 1 198.51.100.9 || true");
    bed.host.until("ip neighbour show 198.51.100.9 | grep -q FAILED");
    expect(said(lists)).toContainEqual(
      'overlay-unreachable: Packets do not get to 1 host by "weft.1", since 198.51.100.9 on "uplink0" does not answer to ARP or neighbour discovery: 198.51.100.9',
    );
    expect(said(lists)).toHaveLength(2);
  });

  it("finds that the link to the others has no carrier", ({ bed }) => {
    const { lists } = join(bed, "IPv4");
    expect(said(lists)).toEqual([]);
    bed.host.sh("ip -n far link set wire down");
    bed.host.until("ip link show uplink0 | grep -q 'state DOWN'");
    expect(said(lists)).toEqual([
      'overlay-unreachable: Packets do not get to 1 host by "weft.1", since "uplink0" has no carrier: 198.51.100.2',
    ]);
  });
});

describe("weft doctor, of packet sizes between hosts,", () => {
  it.for(["IPv4", "IPv6"] as const)(
    "finds ways of %s that are known to be narrow",
    (name, { bed }) => {
      const { lists } = join(bed, name);
      const [to, { wrapping }] = [families[name].of(2), families[name]];
      expect(said(lists)).toEqual([]);
      bed.host.sh(`ip route add ${to} dev uplink0 mtu 1400`);
      const largest = Number(bed.host.sh("cat /sys/class/net/weft.1/mtu")) + wrapping;
      expect(said(lists)).toEqual([
        `overlay-path-mtu: Packets of "weft.1" measure up to ${largest} bytes, but the way by "uplink0" takes 1400: ${to}`,
      ]);
    },
  );

  it.for(["IPv4", "IPv6"] as const)(
    "finds by --probe that small packets of %s pass, and large do not",
    (name, { bed }) => {
      const { lists, far } = join(bed, name);
      const to = families[name].of(2);
      expect(said(lists, "--probe")).toEqual([]);
      far.sh(`nft 'add table inet x
        add chain inet x in { type filter hook input priority 0; }
        add rule inet x in meta length > 1440 drop'`);
      expect(said(lists)).toEqual([]);
      expect(said(lists, "--probe")).toEqual([
        expect.stringMatching(
          new RegExp(
            `^overlay-path-mtu: Small packets pass between hosts of "weft.1", large ones do not .\\d+ bytes are answered, 1500 are not.: ${to}$`,
          ),
        ),
      ]);
    },
  );

  it("says of a host that answers no echo that nothing can be said", ({ bed }) => {
    const { lists, far } = join(bed, "IPv4");
    far.sh("echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all");
    expect(said(lists, "--probe")).toEqual([
      'overlay-silent: No echo by hosts of "weft.1" came back: 198.51.100.2',
    ]);
    const { stderr } = atTerminal(bed, lists, "doctor --probe");
    expect(stderr).toMatch(/\r\S\[Kwaiting for echoes of 198\.51\.100\.2/);
    expect(stderr).toMatch(/\r\S\[K$/);
  });

  it("sends nothing at all unless it is told --probe", ({ bed }) => {
    const { lists, far } = join(bed, "IPv4");
    // The kernel itself tells by IGMP, some time after a link came up, to which groups it belongs.
    far.sh(`nft 'add table netdev x
      add chain netdev x in { type filter hook ingress device wire priority 0; }
      add rule netdev x in ip protocol != igmp counter'`);
    const heard = () => Number(/packets (\d+)/.exec(far.sh("nft list ruleset"))?.[1]);
    expect(said(lists)).toEqual([]);
    expect(heard()).toBe(0);
    said(lists, "--probe");
    expect(heard()).toBeGreaterThan(1);
  });
});

describe("weft doctor --probe, of nobody,", () => {
  it("says that it could not send, and goes on", ({ bed }) => {
    const { lists } = join(bed, "IPv4");
    const limited = `setpriv --bounding-set=-net_raw --inh-caps=-net_raw ${bed.bin}/weft`;
    const { stdout } = lists.run(`${limited} doctor --json --probe`);
    expect(findingsOf(stdout, ids)).toMatchObject([
      { id: "not-checked", finding: expect.stringContaining("open a socket for echoes: EPERM") },
    ]);
  });
});

describe("weft doctor, of the files by which hosts are joined,", () => {
  it("finds those that are older than this boot, or of a time to come", ({ bed }) => {
    const { lists } = join(bed, "IPv4");
    bed.write(peersFile, "[]");
    expect(said(lists)).toEqual([]);
    bed.host.sh(`touch -d '20 years ago' ${peersFile}`);
    expect(said(lists)).toEqual([
      `overlay-file-old: "${peersFile}" was not written since this host was started`,
    ]);
    bed.host.sh(`touch -d '2 hours' ${peersFile}`);
    expect(said(lists)).toEqual([
      `clock-behind: Files were written later than it is now: ${peersFile}`,
    ]);
  });
});

describe("weft doctor, of addresses in a network over many hosts,", () => {
  it("knows the pool by this host's part of it, and whose address is not reserved", ({ bed }) => {
    const { subnet: _, ...incomplete } = overlay;
    const lists = new Lists(bed);
    lists.net([incomplete]);
    bed.host.sh("mkdir -p /run/weft/net");
    bed.write("/run/weft/net/node.json", '{"subnet":["10.251.1.0/29"]}');
    const pool = () =>
      findingsOf(lists.weft("doctor --json").stdout, ["pool-nearly-full", "pool-full"]);
    const box = bed.container();
    expect(lists.weft(`add net ${box.netns} --container-id box`)).toMatchObject({ status: 0 });
    expect(pool()).toEqual([]);
    bed.host.sh(`cd /var/lib/cni/networks/net
      for i in 3 4 5 6; do printf "c$i\\r\\neth0" >10.251.1.$i; done`);
    expect(pool()).toMatchObject([{ id: "pool-full" }]);
    const unleased = () => findingsOf(lists.weft("doctor --json").stdout, ["attachment-unleased"]);
    expect(unleased()).toEqual([]);
    bed.host.sh("rm /var/lib/cni/networks/net/10.251.1.2");
    expect(unleased()).toHaveLength(1);
  });
});
