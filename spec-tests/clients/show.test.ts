/** `weft show`: everything that is one container's, and where the kernel differs from what is kept. */
import { describe, expect } from "vitest";
import { asNobody, attach, fullList, keep } from "../bed/attached.ts";
import type { Bed } from "../bed/bed.ts";
import { it } from "../bed/it.ts";
import { Lists, resultsFolder } from "../bed/lists.ts";

interface Shown {
  readonly network: string;
  readonly containerID: string;
  readonly ifName: string;
  readonly isAlive: boolean;
  readonly inside?: { readonly mac: string };
  readonly insideFault?: string;
  readonly host: readonly { readonly name: string }[];
  readonly things: readonly { readonly what: string }[];
  readonly kept: unknown;
  readonly differences: readonly string[];
}

/** What it tells programs. */
function show(bed: Bed, words: string): readonly Shown[] {
  return JSON.parse(bed.host.sh(`${bed.bin}/weft show ${words} --json`));
}

/** The differences of the only attachment that a word means. */
function differences(bed: Bed, word: string): readonly string[] {
  const [shown, ...others] = show(bed, word);
  expect(others).toEqual([]);
  return shown?.differences ?? ["nothing is shown"];
}

const port = "--capability portMappings=8080:80/tcp";
const limits = `--capability 'bandwidth={"ingressRate":8000000,"ingressBurst":800000,"egressRate":4000000,"egressBurst":400000}'`;

describe("weft show", () => {
  it("tells what the kernel and files have of an attachment", ({ bed }) => {
    const box = attach(bed, fullList(bed), `${port} ${limits}`);
    bed.host.ping("10.251.35.2");
    const [shown] = show(bed, box.name);
    const veth = bed.host.links().find((name) => name.startsWith("veth"));
    expect(shown).toMatchObject({
      ...{ network: "net", containerID: box.name, ifName: "eth0", netns: box.netns },
      ...{ isAlive: true, madeBy: "weft", plugins: ["bridge", "portmap", "bandwidth"] },
      inside: {
        ...{ name: "eth0", kind: "veth", mtu: 1500, isUp: true, addresses: ["10.251.35.2/24"] },
        routes: [{ to: "10.251.35.0/24" }],
      },
      kept: { args: [], result: { ips: [{ address: "10.251.35.2/24" }] } },
      differences: [],
    });
    const mac = shown?.inside?.mac;
    expect(shown?.host.find(({ name }) => name === veth)).toMatchObject({
      ...{ alias: `weft net ${box.name} eth0`, master: "cni0", isUp: true },
      // A kernel that has fq_codel puts it below the tbf.
      qdiscs: expect.arrayContaining([
        expect.objectContaining({ kind: "tbf", handle: "1", rate: 8_000_000 }),
        expect.objectContaining({ kind: "ingress", handle: "ffff" }),
      ]),
      neighbours: expect.arrayContaining([
        { kind: "fdb", mac, dev: veth },
        { kind: "neighbour", address: "10.251.35.2", mac, dev: "cni0" },
      ]),
    });
    const things = shown?.things.map(({ what }) => what) ?? [];
    const told = JSON.parse(bed.host.sh(`${bed.bin}/weft inventory net ${box.name} --json`));
    expect(things).toEqual(told.map(({ what }: { readonly what: string }) => what));
    expect(things).toContain("tcp port 8080 in hostports4-any of nf_tables");
  });

  it("tells people the same, part by part", ({ bed }) => {
    const box = attach(bed, fullList(bed), `${port} ${limits}`);
    const text = bed.host.sh(`${bed.bin}/weft show ${box.name}`);
    const titles = text.match(/^ {2}\S+(?: \S+)*(?= {2,}\S)/gm)?.map((title) => title.trim());
    expect(text.split("\n")[0]).toBe(`eth0 of container ${box.name} in network net`);
    expect(titles).toEqual([
      ...["state", "made by", "namespace", "addresses", "ports", "rates", "inside", "host", "has"],
      "kept",
    ]);
    expect(text).toContain("in 8M out 4M");
    expect(text).toContain("filter of qdisc ingress ffff:");
  });

  it("is asked by network, container and interface, or by how an ID begins", ({ bed }) => {
    const lists = fullList(bed);
    const box = attach(bed, lists);
    lists.plugin("pa");
    lists.write("20.conflist", { cniVersion: "1.1.0", name: "two", plugins: [{ type: "pa" }] });
    lists.weft(`add two ${box.netns} --container-id ${box.name} --ifname net1`);
    for (const containerID of ["other1", "other12", "other2"]) {
      keep(bed, { network: "two", containerID, netns: "/run/netns/gone" });
    }
    const asked = (word: string) =>
      show(bed, word).map(({ network, containerID, ifName }) =>
        [network, containerID, ifName].join("/"),
      );
    const both = [`net/${box.name}/eth0`, `two/${box.name}/net1`];
    expect(asked(box.name)).toEqual(both);
    expect(asked(box.name.slice(0, 2))).toEqual(both);
    expect(asked(`two/${box.name}`)).toEqual([both[1]]);
    expect(asked(`two/${box.name}/net1`)).toEqual([both[1]]);
    expect(asked("other1")).toEqual(["two/other1/eth0"]);
    expect(asked("two/other2")).toEqual(["two/other2/eth0"]);
    for (const [word, state] of [
      ["other", "3 containers begin so: other1, other12, other2"],
      ["two/other", "3 containers begin so: other1, other12, other2"],
      ["nothing", "no attachment of this host has that name"],
      [`net/${box.name}/net1`, "no attachment of this host has that name"],
      ["net", "no attachment of this host has that name"],
      ["a/b/c/d", "it must be NETWORK/CONTAINERID/IFNAME at most"],
    ]) {
      const { status, stdout, stderr } = lists.weft(`show ${word}`);
      expect([status, stdout, stderr]).toEqual([1, "", `weft: Cannot show "${word}": ${state}\n`]);
    }
  });

  it("shows what is left of a container that is gone, and of which nothing is kept", ({ bed }) => {
    const lists = fullList(bed);
    const box = attach(bed, lists, port);
    bed.host.sh(`ip netns del ${box.name}`);
    bed.host.until("[ $(ip -o link show type veth | wc -l) = 0 ]");
    expect(show(bed, box.name)).toMatchObject([{ isAlive: false, host: [] }]);
    expect(differences(bed, box.name)).toContain(`its namespace ${box.netns} is gone`);
    bed.host.sh(`rm -r ${resultsFolder}`);
    const [shown] = show(bed, box.name);
    const insideFault = "the path of its namespace is not known";
    expect(shown).toMatchObject({ kept: null, differences: [], insideFault });
    expect(shown?.things.map(({ what }) => what)).toContain(
      "lease /var/lib/cni/networks/net/10.251.35.2",
    );
  });
});

describe("weft show, where the kernel has not what is kept,", () => {
  it.for<readonly [string, string, RegExp]>([
    [
      "an address",
      "box ip address del 10.251.35.2/24 dev eth0",
      /^eth0 has no address 10\.251\.35\.2\/24$/,
    ],
    [
      "another length",
      "box ip address add 10.251.35.2/25 dev eth0",
      /the address 10\.251\.35\.2\/25, which/,
    ],
    ["one more", "box ip address add 192.0.2.7/32 dev eth0", /the address 192\.0\.2\.7\/32, which/],
    [
      "a MAC",
      "box ip link set eth0 address 02:00:00:00:00:07",
      /^the MAC of eth0 is 02:00:00:00:00:07/,
    ],
    ["it down", "box ip link set eth0 down", /^eth0 is down$/],
    ["its interface", "box ip link del eth0", /^there is no eth0 in /],
    ["its host end", "box ip link del eth0", /^the host has no link veth/],
    ["a MAC on the host", "ip link set $veth address 02:00:00:00:00:08", /^the MAC of veth\w+ is /],
    [
      "a lease",
      "rm /var/lib/cni/networks/net/10.251.35.2",
      /^no lease has the address 10\.251\.35\.2$/,
    ],
    ["a port", "nft flush map inet weft hostports4-any", /leads port 8080:80\/tcp to it$/],
    ["a rate", "tc qdisc del dev $veth root", /^ingressRate was to be 8M, but nothing limits it$/],
    [
      "the same rate",
      "tc qdisc replace dev $veth root tbf rate 2mbit burst 32k limit 64k",
      /^ingressRate was to be 8M, but the kernel has 2M$/,
    ],
  ])("tells: %s", ([, script, told], { bed }) => {
    const box = attach(bed, fullList(bed), `${port} ${limits}`);
    expect(differences(bed, box.name)).toEqual([]);
    bed.host.sh(`veth=$(ip -o link show type veth | awk -F'[ :@]+' '{ print $2 }')
      box() { nsenter --net=${box.netns} "$@"; }
      ${script}`);
    expect(differences(bed, box.name)).toContainEqual(expect.stringMatching(told));
  });

  it("tells of a route, in results of every version", ({ bed }) => {
    const box = bed.container("box");
    box.sh(`ip link add eth0 type veth peer name other; ip link set eth0 up; ip link set other up
      ip address add 10.251.36.3/24 dev eth0; ip route add default via 10.251.36.1
      ip route add 192.0.2.0/24 via 10.251.36.1`);
    const routes = [
      { dst: "0.0.0.0/0", gw: "10.251.36.1" },
      { dst: "192.0.2.0/24" },
      { dst: "198.51.100.0/24", gw: "10.251.36.1" },
      { dst: "::/0" },
    ];
    const lost = [
      "eth0 has no route to 198.51.100.0/24 via 10.251.36.1",
      "eth0 has no route to ::/0",
    ];
    const address = "10.251.36.3/24";
    for (const result of [
      { cniVersion: "1.1.0", ips: [{ address }], routes },
      { cniVersion: "0.2.0", ip4: { ip: address, routes } },
    ]) {
      keep(bed, { network: "net", containerID: "box", netns: box.netns, result });
      expect(differences(bed, "box")).toEqual(lost);
    }
  });
});

describe("weft show, where little is as it should be,", () => {
  it("takes the host's own namespace for no container's, nor a file", ({ bed }) => {
    const file = `${bed.folder("files")}/file`;
    bed.write(file, "");
    keep(bed, { network: "net", containerID: "own", netns: "/proc/self/ns/net" });
    keep(bed, { network: "net", containerID: "file", netns: file });
    expect(show(bed, "own")).toMatchObject([
      { insideFault: "/proc/self/ns/net is the namespace of this host" },
    ]);
    expect(show(bed, "file")).toMatchObject([
      { insideFault: expect.stringContaining("it is not a namespace file"), isAlive: false },
    ]);
  });

  it.for([
    null,
    5,
    "x",
    [],
    { ips: 5, interfaces: "x", routes: [5, {}, { dst: 5 }] },
    { ips: [{ address: "x" }, { address: 5 }, 5], interfaces: [{}, { name: 5 }] },
    { ip4: [], ip6: { ip: 5, routes: {} } },
    { routes: [{ dst: "x", gw: "y" }], ips: [{ address: "1.2.3.4" }] },
  ])("shows a result that is none: %j", (result, { bed }) => {
    const box = bed.container("box");
    box.sh("ip link add eth0 type veth peer name other");
    keep(bed, { network: "net", containerID: "box", netns: box.netns, result });
    expect(show(bed, "box")).toMatchObject([{ kept: { args: [] }, isAlive: true }]);
  });

  it("lets nothing do anything to a terminal, nor begin a line of its own", ({ bed }) => {
    const box = bed.container("box");
    box.sh("ip link add eth0 type veth peer name other; ip link set eth0 alias $'\\e[2J\\nfake'");
    const result = { cniVersion: "1.1.0", ips: [{ address: "\u001b[2J1.2.3.4/24" }] };
    keep(bed, { network: "net", containerID: "box", netns: box.netns, result });
    const text = bed.host.sh(`${bed.bin}/weft show box`);
    expect(text.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
    expect(text).not.toMatch(/^fake/m);
  });

  it("finds one among thousands", ({ bed }) => {
    const box = bed.container();
    for (let i = 0; i < 3000; i++) {
      const netns = i === 7 ? box.netns : `/run/netns/gone${i}`;
      keep(bed, { network: "net", containerID: `box${i}-`, netns });
    }
    expect(show(bed, "box7-")).toMatchObject([{ isAlive: true, containerID: "box7-" }]);
  });

  it("shows a user who is not root what there is to see, and says what is not", ({ bed }) => {
    const lists = fullList(bed);
    const box = attach(bed, lists);
    const said = lists.run(`${asNobody} ${bed.bin}/weft show ${box.name} --json`);
    expect(said.status).toBe(1);
    expect(said.stderr).toContain("by root only");
    expect(JSON.parse(said.stdout)).toMatchObject([{ kept: null, host: [{ master: "cni0" }] }]);
  });

  it("changes nothing", ({ bed }) => {
    const lists = fullList(bed);
    const box = attach(bed, lists, `${port} ${limits}`);
    const before = bed.snapshot();
    for (const words of [box.name, `net/${box.name} --json`, "nothing"]) {
      lists.weft(`show ${words}`);
      expect([words, bed.leftovers(before)]).toEqual([words, []]);
    }
  });

  it.for(["", "a b", "--what", "''", "a --data-dir", "a --data-dir elsewhere"])(
    "is told how it is called: show %s",
    (words, { bed }) => {
      const { status, stdout, stderr } = new Lists(bed).weft(`show ${words}`);
      expect([status, stdout, stderr]).toEqual([2, "", expect.stringContaining("usage: ")]);
    },
  );
});
