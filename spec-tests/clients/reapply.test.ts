/** `weft reapply`: after somebody's flush all is there again, and no link was touched. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import { it } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";
import { Lists, resultsFolder } from "../bed/lists.ts";
import { ask, serve, world } from "../bed/ports.ts";
import { echo, Stream } from "../bed/streams.ts";

const subnet = "10.251.36.0/24";

/** What somebody does to a host, each by itself. */
const flushes = {
  "nft flush ruleset": "nft flush ruleset",
  "nft flush ruleset, but not the tables": `nft list tables | while read -r table; do nft flush $table; done`,
  "iptables -F": "iptables -F; iptables -t nat -F; iptables -X; iptables -t nat -X",
  "other sysctls": `echo 0 >/proc/sys/net/ipv4/ip_forward
    for each in /proc/sys/net/ipv4/conf/*/route_localnet; do echo 0 >$each; done`,
  "ip route flush": "ip route flush dev br0",
  "ip address flush": "ip address flush dev br0",
  "tc qdisc del": `for link in $(ip -o link show type veth | sed -n 's/.*: \\(veth[^@]*\\)@.*/\\1/p'); do
    tc qdisc del dev $link root; tc qdisc del dev $link ingress; done; true`,
  "ip link set nomaster": `for link in $(ip -o link show type veth | sed -n 's/.*: \\(veth[^@]*\\)@.*/\\1/p'); do
    ip link set $link nomaster; done`,
} as const;

/** What takes no way of packets between the containers; where one is made again some may be lost. */
const lossless = (Object.keys(flushes) as (keyof typeof flushes)[]).filter(
  (flush) => !/^(tc|ip link) /.test(flush),
);

const backends = ["nftables", "iptables"] as const;
type Backend = (typeof backends)[number];

function network(lists: Lists, backend: Backend, name = "net"): void {
  const ipam = { type: "host-local", subnet, routes: [{ dst: "0.0.0.0/0" }] };
  const rates = { ingressRate: 1e9, ingressBurst: 1e9, egressRate: 1e9, egressBurst: 1e9 };
  const plugins = [
    {
      ...{ type: "bridge", bridge: "br0", isGateway: true, ipMasq: true, ipMasqBackend: backend },
      ...{ macspoofchk: true, ipam },
    },
    { type: "portmap", backend, capabilities: { portMappings: true } },
    { type: "firewall", backend },
    { type: "bandwidth", ...rates },
  ];
  lists.write(`10-${name}.conflist`, { cniVersion: "1.1.0", name, plugins });
}

/** A container with port 8080, 8081 … of the host. */
interface Attached {
  readonly box: Container;
  readonly address: string;
  readonly port: number;
}

function attach(bed: Bed, lists: Lists, port: number): Attached {
  const box = bed.container();
  const words = `--container-id ${box.name} --capability portMappings=${port}:80`;
  const said = lists.weft(`add net ${box.netns} ${words}`);
  expect(said).toMatchObject({ status: 0 });
  const [{ address }] = JSON.parse(said.stdout).ips;
  box.sh("ip link set lo up");
  return { box, address: address.replace(/\/.*/, ""), port };
}

/** Links with index and MAC, inside and outside. */
function linksOf(bed: Bed, attached: readonly Attached[]): readonly unknown[] {
  const views = [bed.host, ...attached.map(({ box }) => box)];
  return views.map((view) =>
    view.ip("link show").map(({ ifname, ifindex, address }) => [ifname, ifindex, address]),
  );
}

/** What of a container works: its ports from afar and from here, masquerade, the way to it. */
function workingOf(bed: Bed, outside: Container, { box, address, port }: Attached) {
  return {
    port: ask(outside, "192.0.2.1", port),
    portHere: ask(bed.host, "127.0.0.1", port) !== "",
    masquerade: ask(box, "192.0.2.9", 9000),
    way: outside.ping(address),
  };
}

const working = { port: "192.0.2.9", portHere: true, masquerade: "192.0.2.1", way: true };

function checkAll(lists: Lists, attached: readonly Attached[]): void {
  for (const { box } of attached) {
    expect(lists.weft(`check net --container-id ${box.name}`)).toEqual({
      ...{ status: 0, stdout: "", stderr: "" },
    });
  }
}

describe.for(backends)("weft reapply by %s", (backend) => {
  it("makes everything again after every kind of flush, without a lost ping or connection", ({
    bed,
  }) => {
    const lists = new Lists(bed);
    const outside = world(bed);
    network(lists, backend);
    serve(outside, "tcp", 9000);
    const attached = [8081, 8082, 8083].map((port) => attach(bed, lists, port));
    const [first, second, third] = attached as [Attached, Attached, Attached];
    for (const { box } of attached) serve(box, "tcp", 80);
    echo(second.box, 7000);
    expect(workingOf(bed, outside, first)).toEqual(working);
    const streams = [
      Stream.ping(bed, first.box, second.address),
      Stream.connection(bed, third.box, [second.address, 7000]),
    ];
    const [before, links] = [bed.snapshot(), linksOf(bed, attached)];

    bed.host.sh(lossless.map((flush) => flushes[flush]).join("\n"));
    expect(workingOf(bed, outside, first)).not.toEqual(working);
    for (const stream of streams) stream.flowing();
    const said = lists.weft("reapply");
    expect(said).toMatchObject({ status: 0, stderr: "" });
    expect(said.stdout.match(/^mended eth0 of container \S+ in network net: /gm)).toHaveLength(3);
    expect(said.stdout).toMatch(/^3 mended$/m);

    for (const each of attached) expect(workingOf(bed, outside, each)).toEqual(working);
    checkAll(lists, attached);
    expect(linksOf(bed, attached)).toEqual(links);
    for (const stream of streams) expect(stream.flowing().lost()).toEqual([]);
    expect(bed.leftovers(before)).toEqual([]);
    expect(lists.weft("reapply")).toEqual({ status: 0, stdout: "3 whole\n", stderr: "" });
    expect(bed.leftovers(before)).toEqual([]);
  });

  it.for(Object.keys(flushes) as (keyof typeof flushes)[])(
    "makes again what %s took, and nothing else",
    (flush, { bed }) => {
      const lists = new Lists(bed);
      network(lists, backend);
      const attached = [8081, 8082].map((port) => attach(bed, lists, port));
      const before = bed.snapshot();
      bed.host.sh(flushes[flush]);
      const flushed = bed.snapshot();
      const dry = lists.weft("reapply net --dry-run");
      expect(bed.leftovers(flushed)).toEqual([]);
      const done = lists.weft("reapply net");
      expect([dry.status, done.status, done.stderr]).toEqual([0, 0, ""]);
      expect(bed.leftovers(before)).toEqual([]);
      checkAll(lists, attached);
    },
  );

  it("does not disturb what is whole, nor what goes through it", ({ bed }) => {
    const lists = new Lists(bed);
    const outside = world(bed);
    network(lists, backend);
    const { box, address } = attach(bed, lists, 8081);
    echo(box, 80);
    echo(outside, 7000);
    const streams = [
      Stream.connection(bed, outside, ["192.0.2.1", 8081]),
      Stream.connection(bed, box, ["192.0.2.9", 7000]),
      Stream.ping(bed, outside, address),
    ];
    const before = bed.snapshot();
    for (let i = 0; i < 3; i++) {
      expect(lists.weft("reapply net")).toMatchObject({ status: 0, stdout: "1 whole\n" });
    }
    for (const stream of streams) expect(stream.flowing().lost()).toEqual([]);
    expect(bed.leftovers(before)).toEqual([]);
  });
});

describe("weft reapply", () => {
  it("makes a bridge again that was deleted, and joins the containers to it", ({ bed }) => {
    const lists = new Lists(bed);
    network(lists, "nftables");
    const attached = [8081, 8082].map((port) => attach(bed, lists, port));
    const [first, second] = attached as [Attached, Attached];
    bed.host.sh("ip link del br0");
    expect(first.box.ping(second.address)).toBe(false);
    expect(lists.weft("reapply net")).toMatchObject({ status: 0, stderr: "" });
    first.box.sh("ip neigh flush dev eth0"); // What it asked in vain it would not ask again at once.
    expect(first.box.ping(second.address)).toBe(true);
    expect(bed.host.ping(first.address)).toBe(true);
    checkAll(lists, attached);
  });

  it("does not bring back a container that is gone, and tells how to clean up", ({ bed }) => {
    const lists = new Lists(bed);
    network(lists, "nftables");
    const [lost, live] = [8081, 8082].map((port) => attach(bed, lists, port)) as [
      Attached,
      Attached,
    ];
    bed.host.sh(`ip netns del ${lost.box.name}; nft flush ruleset`);
    bed.host.until(`[ $(ip -o link show type veth | wc -l) = 1 ]`);
    const said = lists.weft("reapply net");
    expect(said.status).toBe(0);
    expect(said.stdout).toMatch(
      new RegExp(
        `^gone is eth0 of container ${lost.box.name} in network net: .*"weft gc net"`,
        "m",
      ),
    );
    expect(said.stdout).toMatch(/^1 mended, 1 gone$/m);
    expect(bed.host.nft()).toContain(live.address);
    expect(bed.host.nft()).not.toContain(lost.address);
    checkAll(lists, [live]);
  });

  it("leaves alone what is another attachment's, though the path is the same", ({ bed }) => {
    const lists = new Lists(bed);
    network(lists, "nftables");
    const { box, address } = attach(bed, lists, 8081);
    const path = `${resultsFolder}/net-${box.name}-eth0`;
    bed.host.sh(`sed 's/"containerId":"${box.name}"/"containerId":"former"/' ${path} \
      >${resultsFolder}/net-former-eth0; nft flush ruleset`);
    const said = lists.weft("reapply net");
    expect(said.stdout).toMatch(/^gone is eth0 of container former .*another attachment's/m);
    expect(bed.host.nft()).toContain(address);
    expect(bed.host.nft()).not.toContain("former");
  });

  it("tells in a dry run what it would make, and changes nothing", ({ bed }) => {
    const lists = new Lists(bed);
    network(lists, "nftables");
    const { box, address } = attach(bed, lists, 8081);
    bed.host.sh("nft flush ruleset");
    const before = bed.snapshot();
    const said = lists.weft("reapply --dry-run");
    expect(said).toMatchObject({ status: 0, stderr: "" });
    expect(said.stdout).toContain(`would mend eth0 of container ${box.name} in network net: `);
    expect(said.stdout).toContain(`masquerade of ${address}/24 (`);
    expect(said.stdout).toMatch(/^1 would be mended$/m);
    const [told] = JSON.parse(lists.weft("reapply --dry-run --json").stdout);
    expect(told).toMatchObject({
      ...{ network: "net", containerID: box.name, ifName: "eth0", netns: box.netns },
      ...{ state: "mended", leftAlone: [], why: "", errors: [] },
    });
    const parts = told.parts.map(({ what }: { readonly what: string }) => what);
    expect(parts).toContain("host ports tcp 8081");
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("goes on with the others where one fails", ({ bed }) => {
    const lists = new Lists(bed);
    network(lists, "nftables");
    const [first, second] = [8081, 8082].map((port) => attach(bed, lists, port)) as [
      Attached,
      Attached,
    ];
    bed.host.sh(`nft flush ruleset
      echo '{"kind":"cniCacheV1","networkName":' >${resultsFolder}/net-half-eth0
      mount --bind /dev/null ${first.box.netns}`);
    const said = lists.weft("reapply net");
    expect(said.status).toBe(1);
    expect(said.stderr).toMatch(/^weft: a file: Cannot read ".*\/net-half-eth0": .*$/m);
    expect(said.stderr).toMatch(
      new RegExp(`^weft: eth0 of container ${first.box.name} .*host end "veth.*" is there`, "m"),
    );
    expect(said.stdout).toMatch(/^1 mended, 2 failed$/m);
    expect(bed.host.nft()).toContain(second.address);
  });

  it("opens no more files the more attachments there are", ({ bed }) => {
    const lists = new Lists(bed);
    network(lists, "nftables");
    for (let i = 1; i <= 12; i++) attach(bed, lists, 8080 + i);
    bed.host.sh("nft flush ruleset");
    const said = lists.run(`ulimit -n 16; ${bed.bin}/weft reapply`);
    expect(said).toMatchObject({ status: 0, stderr: "" });
    expect(said.stdout).toMatch(/^12 mended$/m);
  });

  it("trusts no name that is kept, and prints none that a terminal would obey", ({ bed }) => {
    const lists = new Lists(bed);
    network(lists, "nftables");
    const { box } = attach(bed, lists, 8081);
    const names = ["../../../tmp/x", "a b", "\\u001b]0;x\\u0007"];
    for (const [i, name] of names.entries()) {
      bed.host.sh(`sed 's|"containerId":"${box.name}"|"containerId":"${name}"|' \
        ${resultsFolder}/net-${box.name}-eth0 >${resultsFolder}/bad-${i}`);
    }
    bed.host.sh("nft flush ruleset");
    const before = bed.snapshot();
    const { stdout, stderr } = lists.weft("reapply --dry-run");
    expect(bed.leftovers(before)).toEqual([]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    expect(`${stdout}${stderr}`).not.toMatch(/[\x00-\x09\x0b-\x1f]/);
    expect(stdout).toContain(`would mend eth0 of container ${box.name} `);
    expect(stdout.match(/^would mend/gm)).toHaveLength(1);
  });

  it("names what nothing is kept of", ({ bed }) => {
    const lists = new Lists(bed);
    network(lists, "nftables");
    const { box } = attach(bed, lists, 8081);
    bed.host.sh(`rm ${resultsFolder}/*`);
    expect(lists.weft("reapply")).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(
        new RegExp(`^left alone eth0 of container ${box.name} in network net: .*\n1 left alone\n$`),
      ),
    });
  });

  it("knows a network by its attachments or its file, and no other", ({ bed }) => {
    const lists = new Lists(bed);
    network(lists, "nftables");
    const none = { status: 0, stdout: "there are no attachments\n", stderr: "" };
    expect(lists.weft("reapply")).toEqual(none);
    expect(lists.weft("reapply net")).toEqual(none);
    expect(lists.weft("reapply nat")).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /^weft: Cannot reapply network "nat": nothing is kept of it, .*$/m,
      ),
    });
    expect(lists.weft("reapply --what")).toMatchObject({ status: 2 });
    expect(lists.weft("reapply a b")).toMatchObject({ status: 2 });
  });

  it("says that it takes root", ({ bed }) => {
    const lists = new Lists(bed);
    const as = `setpriv --reuid=65534 --regid=65534 --clear-groups ${bed.bin}/weft`;
    expect(lists.run(`${as} reapply`)).toMatchObject({
      ...{ status: 1, stdout: "", stderr: expect.stringMatching(/^weft: Cannot reapply: .* root/) },
    });
  });

  needs("reference plugins")("leaves alone what the reference plugins made", ({ bed }) => {
    const lists = new Lists(bed);
    const ipam = { type: "host-local", subnet };
    const plugins = [{ type: "bridge", bridge: "br0", isGateway: true, ipMasq: true, ipam }];
    lists.write("10-net.conflist", { cniVersion: "1.0.0", name: "net", plugins });
    const box = bed.container();
    const add = `add net ${box.netns} --container-id ${box.name}`;
    expect(lists.weft(add, { CNI_PATH: bed.peer })).toMatchObject({ status: 0 });
    bed.host.sh("nft flush ruleset");
    const before = bed.snapshot();
    for (const path of [bed.bin, bed.peer]) {
      const said = lists.weft("reapply", { CNI_PATH: path });
      expect(said).toMatchObject({ status: 0, stderr: "" });
      expect(said.stdout).toMatch(/^left alone eth0 .*: its interface was made by other plugins/m);
    }
    expect(bed.leftovers(before)).toEqual([]);
  });

  needs("reference plugins")(
    "leaves alone a plugin of a list that is the reference's",
    ({ bed }) => {
      const lists = new Lists(bed);
      network(lists, "nftables");
      const { box } = attach(bed, lists, 8081);
      bed.host.sh("nft flush ruleset");
      const fakes = bed.folder("mixed");
      bed.host.sh(`ln -s ${bed.peer}/portmap ${fakes}/portmap`);
      const said = lists.weft("reapply", { CNI_PATH: `${fakes}:${bed.bin}` });
      expect(said).toMatchObject({ status: 0, stderr: "" });
      expect(said.stdout).toContain(
        `left alone plugin "portmap", whose file in CNI_PATH is none of this suite, of eth0 of container ${box.name}`,
      );
      expect(bed.host.nft()).toContain("masquerade4");
      expect(bed.host.nft()).not.toContain("hostports");
    },
  );
});
