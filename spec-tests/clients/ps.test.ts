/** `weft ps`: the attachments of this host, whoever made them. */
import { describe, expect } from "vitest";
import { asNobody, attach, fullList, keep } from "../bed/attached.ts";
import type { Bed } from "../bed/bed.ts";
import { bridge } from "../bed/configs.ts";
import { it } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";
import { Lists, resultsFolder } from "../bed/lists.ts";
import { withoutNfTables } from "../bed/no-nf-tables.ts";

type Row = Readonly<Record<string, unknown>>;

/** What it tells programs. */
function ps(bed: Bed, words = ""): readonly Row[] {
  return JSON.parse(bed.host.sh(`${bed.bin}/weft ps ${words} --json`));
}

const limits = `--capability 'bandwidth={"ingressRate":8000000,"ingressBurst":800000,"egressRate":4000000,"egressBurst":400000}'`;

describe("weft ps", () => {
  it("tells all there is to know of an attachment, to programs and to people", ({ bed }) => {
    const box = attach(bed, fullList(bed), `--capability portMappings=8080:80/tcp ${limits}`);
    const links = bed.host.links().filter((name) => /^(veth|bwp)/.test(name));
    expect(links).toHaveLength(2);
    const [row, ...others] = ps(bed);
    expect(others).toEqual([]);
    expect(row).toEqual({
      ...{ network: "net", containerID: box.name, ifName: "eth0", netns: box.netns },
      ...{ isAlive: true, why: `its namespace ${box.netns} is there` },
      addresses: ["10.251.35.2/24"],
      hostPorts: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }],
      rates: { ingressRate: 8_000_000, egressRate: 4_000_000 },
      ...{ madeBy: "weft", plugins: ["bridge", "portmap", "bandwidth"] },
      links: expect.arrayContaining([...links]),
    });
    const [head, line, ...more] = bed.host.sh(`${bed.bin}/weft ps`).trimEnd().split("\n");
    expect(more).toEqual([]);
    expect(head?.split(/ {2,}/)).toEqual([
      ...["NETWORK", "CONTAINER", "INTERFACE", "STATE", "ADDRESSES", "PORTS", "RATES"],
      ...["MADE BY", "NAMESPACE"],
    ]);
    expect(line?.split(/ {2,}/)).toEqual([
      ...["net", box.name, "eth0", "alive", "10.251.35.2/24", "8080:80/tcp", "in 8M out 4M"],
      ...["weft", box.netns],
    ]);
    expect(line?.indexOf("alive")).toBe(head?.indexOf("STATE"));
  });

  it("tells the rates that the kernel has, whatever was asked for", ({ bed }) => {
    attach(bed, fullList(bed), limits);
    const veth = bed.host.links().find((name) => name.startsWith("veth"));
    bed.host.sh(`tc qdisc replace dev ${veth} root tbf rate 2mbit burst 32k limit 64k`);
    expect(ps(bed)).toMatchObject([{ rates: { ingressRate: 2_000_000, egressRate: 4_000_000 } }]);
  });

  it("tells of a container that is gone, and keeps apart those of other networks", ({ bed }) => {
    const lists = fullList(bed);
    const [lost, live] = [attach(bed, lists), attach(bed, lists)];
    lists.plugin("pa");
    lists.write("20.conflist", { cniVersion: "1.1.0", name: "two", plugins: [{ type: "pa" }] });
    lists.weft(`add two ${live.netns} --container-id ${live.name} --ifname net1`);
    bed.host.sh(`ip netns del ${lost.name}`);
    bed.host.until("[ $(ip -o link show type veth | wc -l) = 1 ]");
    expect(ps(bed)).toMatchObject([
      {
        ...{ network: "net", containerID: lost.name, isAlive: false, madeBy: "weft", links: [] },
        why: `its namespace ${lost.netns} is gone`,
      },
      { network: "net", containerID: live.name, isAlive: true, madeBy: "weft" },
      { network: "two", containerID: live.name, isAlive: true, ifName: "net1", madeBy: "other" },
    ]);
    expect(ps(bed, "two")).toHaveLength(1);
    expect(ps(bed, "three")).toEqual([]);
  });

  it("finds what nothing is kept of: by a link, by elements, by a lease", ({ bed }) => {
    const lists = fullList(bed);
    const box = attach(bed, lists, "--capability portMappings=8080:80/tcp");
    bed.host.sh(`rm -r ${resultsFolder}`);
    const known = { network: "net", containerID: box.name, ifName: "eth0", isAlive: true };
    expect(ps(bed)).toMatchObject([
      { ...known, netns: "", addresses: ["10.251.35.2"], madeBy: "weft", plugins: [] },
    ]);
    expect(ps(bed)).toMatchObject([{ hostPorts: [{ hostPort: 8080, containerPort: 80 }] }]);
    bed.host.sh("nft delete table inet weft");
    expect(ps(bed)).toMatchObject([{ ...known, hostPorts: [], madeBy: "weft" }]);
    bed.host.sh("ip -o link show type veth | awk -F'[ :@]+' '{ system(\"ip link del \" $2) }'");
    expect(ps(bed)).toMatchObject([{ ...known, madeBy: "unknown", links: [] }]);
    bed.host.sh("touch -d '1 hour ago' /var/lib/cni/networks/net/10.251.35.2");
    expect(ps(bed)).toMatchObject([{ ...known, isAlive: false }]);
  });

  it("finds leases elsewhere: where a kept list says, and where it is told to look", ({ bed }) => {
    const lists = new Lists(bed);
    const ipam = { type: "host-local", subnet: "10.251.35.0/24", dataDir: "/var/lib/elsewhere" };
    lists.net([{ type: "bridge", ipam }]);
    attach(bed, lists);
    bed.host.sh("printf 'old\\r\\neth0' >/var/lib/elsewhere/net/10.251.35.77");
    expect(ps(bed).map(({ containerID }) => containerID)).toEqual(["box1", "old"]);
    bed.host.sh(`rm -r ${resultsFolder}; ip netns del box1`);
    bed.host.until("[ $(ip -o link show type veth | wc -l) = 0 ]");
    expect(ps(bed)).toEqual([]);
    expect(ps(bed, "--data-dir /var/lib/elsewhere")).toHaveLength(2);
    expect(ps(bed, "--data-dir=/var/lib/elsewhere net")).toHaveLength(2);
  });

  needs("reference plugins")("knows what the reference plugins made", ({ bed }) => {
    const box = bed.container();
    const net = bridge("10.251.35.0/24", { ipMasq: true, cniVersion: "1.0.0" });
    const { result } = bed.add("bridge", box, net, { from: bed.peer, path: bed.peer });
    keep(bed, { network: "net", containerID: box.name, netns: box.netns, result });
    expect(ps(bed).filter(({ containerID }) => containerID === box.name)).toMatchObject([
      { madeBy: "reference", isAlive: true, addresses: ["10.251.35.2/24"] },
    ]);
  });

  it("takes what names no interface for that of an interface that is known", ({ bed }) => {
    bed.host.sh(`mkdir -p /var/lib/cni/networks/net; cd /var/lib/cni/networks/net
      echo box >10.251.35.9; echo other >10.251.35.10`);
    keep(bed, { network: "net", containerID: "box", netns: "/run/netns/gone" });
    bed.host.sh(`cd ${resultsFolder}; sed -i s/eth0/net1/ *; mv net-box-eth0 net-box-net1`);
    expect(ps(bed)).toMatchObject([
      { containerID: "box", ifName: "net1" },
      { containerID: "other", ifName: "eth0" },
    ]);
  });

  needs("reference plugins")("finds what the reference's masquerade alone tells of", ({ bed }) => {
    const box = bed.container();
    const net = bridge("10.251.35.0/24", { ipMasq: true, cniVersion: "1.0.0" });
    bed.add("bridge", box, net, { from: bed.peer, path: bed.peer });
    bed.host.sh("rm -r /var/lib/cni/networks");
    const known = { network: "net", containerID: "box1-id", ifName: "eth0", links: [] };
    const told = { ...known, addresses: ["10.251.35.2"], netns: "", madeBy: "unknown" };
    expect(ps(bed)).toMatchObject([{ ...told, isAlive: true }]);
    bed.host.sh(`ip netns del ${box.name}`);
    bed.host.until("[ $(ip -o link show type veth | wc -l) = 0 ]");
    expect(ps(bed)).toMatchObject([{ ...told, isAlive: false }]);
  });

  it.for([true, false])("needs no nf_tables, with iptables: %s", (hasIptables, { bed }) => {
    const { as = [], env = {} } = withoutNfTables(bed, hasIptables);
    attach(bed, fullList(bed));
    const run = `PATH=${env.PATH} ${as.join(" ")} ${bed.bin}/weft ps --json`;
    expect(JSON.parse(bed.host.sh(run))).toMatchObject([{ madeBy: "weft", isAlive: true }]);
  });

  it("knows flannel's by its list and by its record", ({ bed }) => {
    for (const [containerID, plugins] of [
      ["a", ["flannel"]],
      ["b", ["bridge"]],
      ["c", ["calico"]],
    ] as const) {
      keep(bed, { network: "net", containerID, netns: "/run/netns/gone", plugins });
    }
    bed.host.sh("mkdir -p /var/lib/cni/flannel");
    bed.write("/var/lib/cni/flannel/b", '{"name":"net","type":"bridge"}');
    expect(ps(bed).map(({ madeBy }) => madeBy)).toEqual(["flannel", "flannel", "other"]);
  });

  it("shows long IDs by twelve digits that tell them apart, and all of them with --wide", ({
    bed,
  }) => {
    const [first, twin, other] = ["ab".repeat(32), `${"ab".repeat(31)}cd`, "cd".repeat(32)];
    for (const containerID of [first, twin, other]) {
      keep(bed, { network: "net", containerID, netns: "/run/netns/gone" });
    }
    const shown = (words: string) =>
      bed.host
        .sh(`${bed.bin}/weft ps ${words}`)
        .split("\n")
        .slice(1, -1)
        .map((line) => line.split(/ {2,}/)[1]);
    expect(shown("")).toEqual([first, twin, other.slice(0, 12)]);
    expect(shown("--wide")).toEqual([first, twin, other]);
    expect(bed.host.sh(`${bed.bin}/weft ps --wide`)).toContain(
      "its namespace /run/netns/gone is gone",
    );
  });

  it("finds its way through thousands of results", ({ bed }) => {
    const box = bed.container();
    for (let i = 0; i < 5000; i++) {
      const netns = i === 7 ? box.netns : `/run/netns/gone${i}`;
      keep(bed, { network: `net${i % 7}`, containerID: `box${i}`, netns });
    }
    const rows = ps(bed);
    expect(rows).toHaveLength(5000);
    expect(rows.filter(({ isAlive }) => isAlive)).toMatchObject([{ containerID: "box7" }]);
  });
});

describe("weft ps, where little is as it should be,", () => {
  it("leaves out what is no result, and reads through no links", ({ bed }) => {
    keep(bed, { network: "net", containerID: "good", netns: "/run/netns/gone" });
    bed.host.sh(`cd ${resultsFolder}
      head -c 100 net-good-eth0 >net-half-eth0; : >net-empty-eth0
      echo '{"kind":"cniCacheV2","networkName":"net","containerId":"v2","ifName":"eth0"}' >net-v2-eth0
      echo '{"ips":[]}' >net-bare-eth0; printf '\\377\\376' >net-bytes-eth0
      mkdir net-dir-eth0; mkfifo net-fifo-eth0; ln -s net-good-eth0 net-link-eth0
      mkdir -p /var/lib/cni/networks/net; cd /var/lib/cni/networks; : >file; : >net/10.251.35.9
      printf '\\001\\002' >net/10.251.35.8; echo x >net/nothing`);
    expect(ps(bed).map(({ containerID }) => containerID)).toEqual(["good"]);
  });

  it("takes for gone a namespace whose path has become a plain file", ({ bed }) => {
    const path = `${bed.folder("files")}/file`;
    bed.write(path, "");
    keep(bed, { network: "net", containerID: "box", netns: path });
    expect(ps(bed)).toMatchObject([{ isAlive: false, netns: path }]);
  });

  it("lets no name do anything to a terminal, nor begin a line of its own", ({ bed }) => {
    const netns = "/run/netns/\u001b]0;x\u0007\nnet  fake";
    const result = { cniVersion: "1.1.0", ips: [{ address: "\u001b[2J1.2.3.4/24" }] };
    keep(bed, { network: "net", containerID: "box", netns, result });
    const text = bed.host.sh(`${bed.bin}/weft ps --wide`);
    expect(text.trimEnd().split("\n")).toHaveLength(2);
    expect(text.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
    expect(ps(bed)).toMatchObject([{ netns }]);
  });

  it("shows a user who is not root what there is to see, and says what is not", ({ bed }) => {
    const lists = fullList(bed);
    const box = attach(bed, lists);
    const said = lists.run(`${asNobody} ${bed.bin}/weft ps --json`);
    expect(said.status).toBe(1);
    expect(JSON.parse(said.stdout)).toMatchObject([{ containerID: box.name, madeBy: "weft" }]);
    const lines = said.stderr.trimEnd().split("\n");
    expect(lines).toContain("weft: what runtimes keep of results can be looked at by root only");
    for (const line of lines) expect(line).toMatch(/^weft: .* by root only$/);
  });

  it("tells what it may not trust, and the rest", ({ bed }) => {
    const lists = fullList(bed);
    attach(bed, lists);
    bed.host.sh("chmod 777 /var/lib/cni/results; chmod 777 /var/lib/cni/networks/net");
    const said = lists.weft("ps --json");
    expect(said.status).toBe(1);
    expect(JSON.parse(said.stdout)).toHaveLength(1);
    expect(said.stderr.trimEnd().split("\n")).toEqual([
      expect.stringMatching(/^weft: Cannot use directory "\/var\/lib\/cni\/results": /),
      expect.stringMatching(/^weft: Cannot use directory "\/var\/lib\/cni\/networks\/net": /),
    ]);
  });

  it("changes nothing", ({ bed }) => {
    const lists = fullList(bed);
    attach(bed, lists, "--capability portMappings=8080:80");
    bed.host.sh(`ip netns del ${attach(bed, lists).name}`);
    bed.host.until("[ $(ip -o link show type veth | wc -l) = 1 ]");
    const before = bed.snapshot();
    for (const words of ["ps", "ps net", "ps --wide", "ps --json", "ps nothing"]) {
      expect(lists.weft(words)).toMatchObject({ status: 0 });
      expect([words, bed.leftovers(before)]).toEqual([words, []]);
    }
  });

  it.for(["ps a b", "ps --what", "ps ''", "ps --data-dir", "ps --data-dir elsewhere"])(
    "is told how it is called: %s",
    (words, { bed }) => {
      const { status, stdout, stderr } = new Lists(bed).weft(words);
      expect([status, stdout, stderr]).toEqual([2, "", expect.stringContaining("usage: ")]);
    },
  );

  it("prints a head alone where there is nothing", ({ bed }) => {
    expect(bed.host.sh(`${bed.bin}/weft ps | wc -l`)).toBe("1\n");
    expect(ps(bed)).toEqual([]);
  });
});
