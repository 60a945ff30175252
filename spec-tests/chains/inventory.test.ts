/**
 * `weft inventory` names all that an attachment leaves on the host: whatever the snapshot of the
 * machine sees that was not there before, it tells, or the table below says why it need not.
 */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Chain } from "../bed/chain.ts";
import { bridge, bridgeWith } from "../bed/configs.ts";
import { sharedBy, withoutShared } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { withoutNfTables } from "../bed/no-nf-tables.ts";
import { type Scenario, scenarios } from "../bed/scenarios.ts";
import type { Snapshot } from "../bed/snapshot.ts";
import { Stage } from "../bed/stage.ts";
import { itWorks, workingConfig } from "../bed/subjects.ts";

/** A thing as `weft inventory --json` tells it. */
interface Thing {
  readonly kind: string;
  readonly what: string;
  readonly mark: string;
  readonly containerID?: string;
  readonly ifName?: string;
}

function inventory(bed: Bed, words: string): readonly Thing[] {
  return JSON.parse(bed.host.sh(`${bed.bin}/weft inventory ${words} --json`)) as readonly Thing[];
}

/** What attachments have: a network's devices and their guards are there for all of them. */
function ofAttachments(bed: Bed, network: string): readonly Thing[] {
  return inventory(bed, network).filter(({ containerID }) => containerID !== undefined);
}

/* ---- what bears no mark ---- */

/** What the inventory does not name, and why; `links` are those that it names. */
const unmarked: readonly (readonly [
  reason: string,
  is: (key: string, links: readonly string[]) => boolean,
])[] = [
  [
    "it is in the container, and goes with the container's namespace",
    (key) => !/^(host|file|folder|link) /.test(key),
  ],
  [
    "the kernel keeps it for a link that is named, and removes it with the link",
    (key, links) =>
      /^host (sysctl|fdb|neighbours|routes[46]|qdiscs noqueue) /.test(key) && isOf(key, links),
  ],
  [
    "it shapes a link that another plugin made, without a mark, and goes with that",
    (key) => /^host qdiscs tbf veth-box1\b/.test(key),
  ],
];

function isOf(key: string, links: readonly string[]): boolean {
  return key.split(/[ /]/).some((word) => links.includes(word));
}

/* ---- what is named ---- */

/** What of a snapshot is new, is no matter of the network's, and is not named. */
function unnamed(before: Snapshot, after: Snapshot, things: readonly Thing[]): readonly string[] {
  const links = things.flatMap(({ kind, what }) => (kind === "link" ? what.slice(5) : []));
  const news = Object.keys(after)
    .filter((key) => !(key in before))
    .filter((key) => !unmarked.some(([, is]) => is(key, links)));
  const rest = new Set(things);
  return news.filter((key) => {
    const found = [...rest].find((thing) => isNamedBy(key, thing));
    if (found && isOne(key, found)) rest.delete(found);
    return found === undefined;
  });
}

/** True if a thing is one thing of a snapshot's: a chain is there for its rules. */
function isOne(key: string, { kind, what }: Thing): boolean {
  const isChain = /^(chain |:)$/.test(inIptables.exec(key)?.groups?.kind ?? "");
  return kind === "element" || (what.startsWith("rule ") && !isChain);
}

/** What is named, but is not there. */
function unseen(after: Snapshot, things: readonly Thing[]): readonly string[] {
  const keys = Object.keys(after);
  const unknown = things.filter((thing) => !keys.some((key) => isNamedBy(key, thing)));
  return unknown.map(({ what }) => what);
}

/** Whether a thing is that of a snapshot's key; elements of one set and owner count. */
function isNamedBy(key: string, { kind, what, mark }: Thing): boolean {
  const words = what.split(" ");
  switch (kind) {
    case "link":
      return key === `host link ${words[1]}`;
    case "qdisc":
      return isNamedQueueing(key, words);
    case "lease":
    case "record":
      return key.startsWith("file ") && words.includes(key.slice(5));
    case "element": {
      const [, set] = /^host nft \w+ weft (?:map|set) (\S+) element /.exec(key) ?? [];
      return key.includes(`"comment":"${mark}"`) && what.endsWith(` in ${set} of nf_tables`);
    }
    default:
      return isNamedRule(key, what);
  }
}

/** Chains and rules as the snapshot has them, by nf_tables or by the older tables. */
const inIptables =
  /^host (?:nft (?<table>ip6? \w+) )?(?<kind>chain |rule |-A |:)(?<chain>\S+)(?<rest>.*)/;

/**
 * `rule -A CNI-FORWARD … in the filter table of IPv4`, and `chain CNI-86a5 in table ip nat`, which
 * has its rules with it, and the one that leads there.
 */
function isNamedRule(key: string, what: string): boolean {
  const { table, chain, rest = "" } = inIptables.exec(key)?.groups ?? {};
  const [, kind, name] = /^(chain|rule -A) (\S+)/.exec(what) ?? [];
  if (table !== undefined && table !== tableOf(what)) return false;
  return chain === name || (kind === "chain" && rest.endsWith(`"target":"${name}"}}]`));
}

function tableOf(what: string): string | undefined {
  const [, family, table] = / in table (\w+) (\w+)$/.exec(what) ?? [];
  if (family !== undefined) return `${family} ${table}`;
  const [, name, version] = / in the (\w+) table of IPv(4|6)$/.exec(what) ?? [];
  return `${version === "6" ? "ip6" : "ip"} ${name}`;
}

/** `qdisc tbf 1: of veth0a1b` and `filter of qdisc ingress ffff: of veth0a1b`. */
function isNamedQueueing(key: string, words: readonly string[]): boolean {
  const [link] = words.slice(-1);
  if (words[0] === "filter") return key.startsWith(`host filters ${link} `);
  return key.replace(/ \(\d+\)$/, "") === `host qdiscs ${words[1]} ${link}`;
}

/* ---- one plugin ---- */

/** One of the scenarios of the tests of faults has both directions. */
function inOneDirection(): Scenario {
  const prevResult = {
    interfaces: [{ name: "veth-box1" }, { name: "eth0", sandbox: "/run/netns/box1" }],
    ips: [{ address: "10.1.2.2/24", interface: 1 }],
  };
  const config = workingConfig("bandwidth", { ...limit, prevResult });
  const title = "bandwidth, in one direction, beside another";
  return { title, program: "bandwidth", config, firstUse: false, connected: true };
}

const limit: Config = { ingressRate: 8_000_000, ingressBurst: 800_000 };

describe.for([...scenarios(), inOneDirection()])("$title", (scenario) => {
  const { program, config } = scenario;
  const network = String(config.name);

  itWorks(program)("all that an attachment has is named, under it alone, until it goes", () => {
    const stage = new Stage(scenario);
    const { bed } = stage;
    const before = withoutShared(bed.snapshot(), sharedBy(config));
    const others = ofAttachments(bed, network);

    const attachment = stage.add(stage.attachment("own-id"));
    const after = bed.snapshot();
    const things = inventory(bed, `${network} own-id eth0`);
    expect(unnamed(before, withoutShared(after, sharedBy(config)), things)).toEqual([]);
    expect(unseen(after, things)).toEqual([]);
    expect(things.filter((each) => each.containerID !== "own-id")).toEqual([]);
    const all = ofAttachments(bed, network);
    expect(all.filter(({ containerID }) => containerID !== "own-id")).toEqual(others);
    expect(all.filter(({ containerID }) => containerID === "own-id")).toEqual(things);
    expect(inventory(bed, `${network} other-id eth0`)).toEqual(others);
    expect(bed.snapshot()).toEqual(after);

    expect(stage.run("DEL", attachment)).toSucceed();
    expect(inventory(bed, `${network} own-id eth0`)).toEqual([]);
    expect(ofAttachments(bed, network)).toEqual(others);
    bed.dispose();
  });

  itWorks(program)("nobody has anything after a GC without valid attachments", () => {
    const stage = new Stage(scenario);
    const { bed } = stage;
    stage.add(stage.attachment("own-id"));
    expect(bed.gc(program, { ...config, "cni.dev/valid-attachments": [] })).toSucceed();
    expect(ofAttachments(bed, network)).toEqual([]);
    bed.dispose();
  });
});

/* ---- a list of plugins ---- */

const settings: Config = { sysctl: { "net.ipv4.conf.eth0.arp_notify": "1" } };

/** A list with everything, in which each plugin finds what the one before has made. */
function everything(backend: string, name: string, hostPort: number): readonly Config[] {
  const portMappings = ["tcp", "udp"].map((protocol) => ({
    hostPort,
    containerPort: 80,
    protocol,
  }));
  const net = bridge("10.1.2.0/24", { name, ipMasq: true, ipMasqBackend: backend });
  const chained: readonly Config[] = [
    { type: "portmap", backend, snat: true, runtimeConfig: { portMappings } },
    { type: "firewall", backend, ingressPolicy: "same-bridge" },
    { type: "bandwidth", ...limit, egressRate: 4_000_000, egressBurst: 400_000 },
    { type: "tuning", ...settings },
  ];
  return [net, ...chained.map((plugin) => ({ cniVersion: "1.1.0", name, ...plugin }))];
}

describe.for(["nftables", "iptables"])("a whole list by %s", (backend) => {
  it.for(["net", `n${"e".repeat(180)}t`])("is named in network %s", (name, { bed }) => {
    new Chain(bed, everything(backend, name, 8080)).add(bed.container("other"));
    const plugins = everything(backend, name, 8081);
    const chain = new Chain(bed, plugins);
    const box = bed.container();
    const [first = {}] = plugins;
    const before = withoutShared(bed.snapshot(), sharedBy(first));
    const others = inventory(bed, name);

    const result = chain.add(box);
    const after = withoutShared(bed.snapshot(), sharedBy(first));
    const things = inventory(bed, `${name} ${box.containerID} eth0`);
    expect(unnamed(before, after, things)).toEqual([]);
    expect(unseen(after, things)).toEqual([]);
    const all = inventory(bed, name);
    expect(all.filter(({ containerID }) => containerID === "other-id")).toEqual(others);
    expect(all.filter(({ containerID }) => containerID === box.containerID)).toEqual(things);
    expect(all).toHaveLength(things.length + others.length);

    for (const run of chain.del(box, result)) expect(run).toSucceed();
    expect(inventory(bed, name)).toEqual(others);
  });
});

/* ---- by hand ---- */

describe("weft inventory", () => {
  const net = bridge("10.1.2.0/24");

  it("tells a thing a line, for people", ({ bed }) => {
    const box = bed.container();
    const { interfaces = [] } = bed.add("bridge", box, net).result;
    const [, outside] = interfaces;
    bed.host.sh(`ip address add 192.0.2.1/32 dev ${outside?.name}`);
    expect(bed.host.sh(`${bed.bin}/weft inventory net`).split("\n")).toEqual([
      `link ${outside?.name} of eth0 of container box1-id`,
      `address 192.0.2.1/32 of ${outside?.name} of eth0 of container box1-id`,
      "lease /var/lib/cni/networks/net/10.1.2.2 of eth0 of container box1-id",
      "",
    ]);
    expect(bed.host.sh(`${bed.bin}/weft inventory net box1-id | wc -l`)).toBe("3\n");
    expect(bed.host.sh(`${bed.bin}/weft inventory net box1-id eth1`)).toBe("");
    expect(bed.host.sh(`${bed.bin}/weft inventory other`)).toBe("");
  });

  it("names ports, and whose clients are masqueraded", ({ bed }) => {
    const box = bed.container();
    new Chain(bed, everything("nftables", "net", 8080)).add(box);
    const words = inventory(bed, "net").filter(({ what }) => /port|clients/.test(what));
    expect(words.map(({ what }) => what)).toEqual([
      "clients of tcp port 8080 in hostports4-near of nf_tables",
      "clients of udp port 8080 in hostports4-near of nf_tables",
      "tcp port 8080 in hostports4-any of nf_tables",
      "udp port 8080 in hostports4-any of nf_tables",
    ]);
  });

  it("names what a network over many hosts has, whoever is attached", ({ bed }) => {
    const box = bed.container();
    const config = workingConfig("vxlan-overlay");
    const prevResult = bed.add("vxlan-overlay", box, config).result;
    const device = ["guard of weft.1", "link weft.1"];
    const words = () => inventory(bed, "net").filter(({ containerID }) => !containerID);
    expect(
      words()
        .map(({ what }) => what)
        .sort(),
    ).toEqual(device);
    expect(bed.host.sh(`${bed.bin}/weft inventory net`)).toContain("link weft.1 marked ");
    expect(bed.del("vxlan-overlay", box, { ...config, prevResult })).toSucceed();
    expect(
      inventory(bed, "net")
        .map(({ what }) => what)
        .sort(),
    ).toEqual(device);
  });

  it("finds leases that are kept elsewhere where it is told to", ({ bed }) => {
    const dataDir = "/var/lib/elsewhere";
    const box = bed.container();
    bed.add("bridge", box, bridgeWith({ type: "host-local", subnet: "10.1.2.0/24", dataDir }));
    const leases = (words: string) =>
      inventory(bed, words).flatMap(({ kind, what }) => (kind === "lease" ? what : []));
    expect(leases("net")).toEqual([]);
    for (const option of [`--data-dir ${dataDir}`, `--data-dir=${dataDir}`]) {
      expect(leases(`net ${option}`)).toEqual([`lease ${dataDir}/net/10.1.2.2`]);
      expect(leases(`${option} net box1-id eth0`)).toHaveLength(1);
    }
  });

  it("tells what very old versions left as the container's", ({ bed }) => {
    bed.host.sh(
      "mkdir -p /var/lib/cni/networks/net; echo box-id >/var/lib/cni/networks/net/10.1.2.9",
    );
    expect(bed.host.sh(`${bed.bin}/weft inventory net`)).toBe(
      "lease /var/lib/cni/networks/net/10.1.2.9 of container box-id\n",
    );
    expect(inventory(bed, "net box-id eth1")).toHaveLength(1);
  });

  it.for([true, false])("needs no nf_tables, with iptables: %s", (hasIptables, { bed }) => {
    const { as = [], env = {} } = withoutNfTables(bed, hasIptables);
    const run = `PATH=${env.PATH} ${as.join(" ")} ${bed.bin}/weft inventory net --json`;
    expect(JSON.parse(bed.host.sh(run))).toEqual([]);
    const box = bed.container();
    bed.add("bridge", box, net);
    expect(JSON.parse(bed.host.sh(run))).toHaveLength(2);
  });

  it("says why it cannot tell", ({ bed }) => {
    const folder = "/tmp/others";
    bed.host.sh(`mkdir -p ${folder}/net; chmod 777 ${folder}`);
    const run = `${bed.bin}/weft inventory net --data-dir ${folder} 2>&1 >/dev/null`;
    const said = bed.host.sh(`${run}; echo status $?`);
    expect(said).toMatch(/^weft: Cannot use directory "\/tmp\/others\/net".*\nstatus 1\n$/);
  });
});
