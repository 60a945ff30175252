/** The policy plugin: which connections pass, and that there is no way around. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Chain } from "../bed/chain.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { needs } from "../bed/kernel.ts";
import { attach, dropped, network, passes, reaches } from "../bed/networks.ts";
import { ask, askAll, serve, world } from "../bed/ports.ts";

/** Among containers of one bridge. */
const it = needs("br_netfilter or nf_conntrack_bridge");

/** A bridge of that number with a policy. */
function guarded(number: number, lists: Config): readonly [Config, Config] {
  const [bridge] = network(number);
  const { cniVersion, name } = bridge;
  return [bridge, { cniVersion, name, type: "policy", ...lists }];
}

/** A bridge of that number, on which nobody has a policy. */
const open = (number: number) => [network(number)[0]];

/** What both families' servers on some ports say to a client: whom they see. */
function asked(from: Container, { network: net, host, ports, protocol = "tcp" }: Asked) {
  const addresses = [`10.1.${net}.${host}`, `fd00:${net}::${host}`];
  const questions = ports.flatMap((port) => addresses.map((to) => ({ to, port, protocol })));
  const answers = askAll(from, questions);
  return ports.map((_, i) => answers.slice(2 * i, 2 * i + 2));
}

interface Asked {
  readonly network: number;
  readonly host: number;
  readonly ports: readonly number[];
  readonly protocol?: "tcp" | "udp";
}

const nobody = ["", ""];
const seenAs = (net: number, host: number) => [`10.1.${net}.${host}`, `fd00:${net}::${host}`];
const net1 = ["10.1.1.0/24", "fd00:1::/64"];
const net2 = ["10.1.2.0/24", "fd00:2::/64"];

function serving(box: Container, ...ports: readonly number[]): Container {
  for (const port of ports)
    for (const protocol of ["tcp", "udp"] as const) serve(box, protocol, port);
  return box;
}

/** Three containers: one with the policy and one without on the first bridge, one on another. */
function neighbours(bed: Bed, lists: Config) {
  const own = attach(bed, guarded(1, lists));
  return { ...own, near: attach(bed, open(1)).box, far: attach(bed, open(2)).box };
}

describe("ingress", () => {
  it("lets through whom a list allows, and nobody else", ({ bed }) => {
    const allow = [{ from: net2, ports: ["80/tcp", "7000-7001/udp"] }];
    const { box, near, far } = neighbours(bed, { ingress: { allow } });
    serving(box, 80, 81, 7001);
    const to = { network: 1, host: 2 };
    const seen = seenAs(2, 2);
    expect(asked(far, { ...to, ports: [80, 81, 7001] })).toEqual([seen, nobody, nobody]);
    expect(asked(far, { ...to, ports: [80, 7001], protocol: "udp" })).toEqual([nobody, seen]);
    expect(asked(near, { ...to, ports: [80] })).toEqual([nobody]);
    expect([reaches(far, 1, 2), reaches(near, 1, 2)]).toEqual([dropped, dropped]);
    expect(bed.host.pingAll(["10.1.1.2", "fd00:1::2"])).toEqual(passes);
    expect([reaches(box, 1, 3), reaches(box, 2, 2)]).toEqual([passes, passes]);
  });

  it("keeps out whom a list denies, whatever another allows", ({ bed }) => {
    const deny = [{ from: net2, ports: ["80/tcp"] }, { ports: ["icmp"] }];
    const { box, near, far } = neighbours(bed, { ingress: { deny, allow: [{}] } });
    serving(box, 80, 81);
    const to = { network: 1, host: 2 };
    expect(asked(far, { ...to, ports: [80, 81] })).toEqual([nobody, seenAs(2, 2)]);
    expect(asked(near, { ...to, ports: [80] })).toEqual([seenAs(1, 3)]);
    expect(reaches(near, 1, 2)).toEqual(dropped);
  });

  it("without a list of what is allowed is open but for what is denied", ({ bed }) => {
    const deny = [{ from: ["10.1.0.0/16", "fd00::/16"], except: net2 }];
    const { near, far } = neighbours(bed, { ingress: { deny } });
    expect([reaches(near, 1, 2), reaches(far, 1, 2)]).toEqual([dropped, passes]);
  });

  it("an empty list of what is allowed allows nothing", ({ bed }) => {
    const { near, far } = neighbours(bed, { ingress: { allow: [] } });
    expect([reaches(near, 1, 2), reaches(far, 1, 2)]).toEqual([dropped, dropped]);
  });

  it("judges what comes by a port of the host by who asks, and the port in the container", ({
    bed,
  }) => {
    const outside = world(bed);
    const [bridge, policy] = guarded(1, {
      ingress: { allow: [{ from: ["192.0.2.0/24", "fd99::/64"], ports: ["80/tcp"] }] },
    });
    const { cniVersion, name } = bridge;
    const portMappings = [80, 81].map((port) => ({
      hostPort: 8000 + port,
      containerPort: port,
      protocol: "tcp",
    }));
    const portmap = { cniVersion, name, type: "portmap", runtimeConfig: { portMappings } };
    serving(attach(bed, [bridge, portmap, policy]).box, 80, 81);
    const questions = [8080, 8081].flatMap((port) =>
      ["192.0.2.1", "fd99::1"].map((to) => ({ to, port })),
    );
    expect(askAll(outside, questions)).toEqual(["192.0.2.9", "fd99::9", "", ""]);
  });

  it("lets a container reach itself by a port of the host", ({ bed }) => {
    const [bridge, policy] = guarded(1, { ingress: { allow: [] }, egress: { allow: [] } });
    const { cniVersion, name } = bridge;
    const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }];
    const portmap = { cniVersion, name, type: "portmap", runtimeConfig: { portMappings } };
    const { box } = attach(bed, [{ ...bridge, hairpinMode: true }, portmap, policy]);
    serve(box, "tcp", 80);
    expect(ask(box, "10.1.1.1", 8080)).not.toBe("");
  });
});

describe("egress", () => {
  it("lets a container reach what a list allows, and nothing else but the host", ({ bed }) => {
    const allow = [
      { to: net2, ports: ["80/tcp"] },
      { to: net2, ports: ["icmp"] },
    ];
    const { box, near, far } = neighbours(bed, { egress: { allow } });
    serving(far, 80, 81);
    serving(near, 80);
    expect(asked(box, { network: 2, host: 2, ports: [80, 81] })).toEqual([seenAs(1, 2), nobody]);
    expect(asked(box, { network: 1, host: 3, ports: [80] })).toEqual([nobody]);
    expect([reaches(box, 2, 2), reaches(box, 1, 3)]).toEqual([passes, dropped]);
    expect(reaches(box, 1, 1)).toEqual(passes);
    expect([reaches(near, 1, 2), reaches(far, 1, 2)]).toEqual([passes, passes]);
  });

  it("and ingress of two containers both have to let a connection through", ({ bed }) => {
    const from = attach(
      bed,
      guarded(1, { egress: { allow: [{ ports: ["icmp", "80/tcp"] }] } }),
    ).box;
    const to = attach(bed, guarded(1, { ingress: { allow: [{ ports: ["80-81/tcp"] }] } })).box;
    serving(to, 80, 81, 82);
    const answers = asked(from, { network: 1, host: 3, ports: [80, 81, 82] });
    expect(answers).toEqual([seenAs(1, 2), nobody, nobody]);
    expect(reaches(from, 1, 3)).toEqual(dropped);
  });
});

it("holds behind ptp, whose containers have links of their own", ({ bed }) => {
  const [{ cniVersion, name, ipam }, policy] = guarded(1, {
    ingress: { allow: [{ ports: ["80/tcp"] }] },
  });
  const plugins = [{ cniVersion, name, type: "ptp", ipam }, policy];
  const [box, other] = [attach(bed, plugins).box, attach(bed, plugins).box];
  serving(box, 80, 81);
  const answers = asked(other, { network: 1, host: 2, ports: [80, 81] });
  expect(answers).toEqual([seenAs(1, 3), nobody]);
  other.sh("ip address add 10.1.9.9/32 dev lo");
  expect(other.sh("ping -c1 -W1 -I 10.1.9.9 10.1.1.2 || true")).toContain("100% packet loss");
});

needs("br_netfilter")(
  "holds on a bridge whose packets pass no rules so far: that one is told so",
  ({ bed }) => {
    bed.host.sh(
      "sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0",
    );
    const { box, result, near } = neighbours(bed, { ingress: { allow: [] } });
    expect(reaches(near, 1, 2)).toEqual(dropped);
    const plugins = guarded(1, { ingress: { allow: [] } });
    for (const outcome of new Chain(bed, plugins).check(box, result)) expect(outcome).toSucceed();
    bed.host.sh("ip link set br1 type bridge nf_call_ip6tables 0");
    const config = { ...plugins[1], prevResult: result };
    expect(bed.check("policy", box, config).error).toMatchObject({
      code: 104,
      msg: expect.stringContaining('bridge "br1"'),
    });
  },
);

needs("a kernel without nf_conntrack_bridge")(
  "is refused where nothing judges what a bridge forwards, and STATUS says so",
  ({ bed }) => {
    const [bridge, policy] = guarded(1, { ingress: { allow: [] } });
    const { box, result } = attach(bed, [bridge]);
    expect(bed.status("policy", policy)).toSucceed();
    bed.host.sh("mount -t tmpfs none /proc/sys/net/bridge");
    const before = bed.snapshot();
    const { error } = bed.add("policy", box, { ...policy, prevResult: result });
    expect(error).toMatchObject({ code: 100, msg: expect.stringContaining("br_netfilter") });
    expect(bed.leftovers(before)).toEqual([]);
    expect(bed.status("policy", policy).error.code).toBe(51);
  },
);

it("follows its file with the next ADD, CHECK tells the difference, and both need it", ({
  bed,
}) => {
  const file = `${bed.folder("lists")}/policy.json`;
  bed.write(file, JSON.stringify({ ingress: { allow: [] } }));
  const { box, result, near } = neighbours(bed, { file });
  const config = { ...guarded(1, { file })[1], prevResult: result };
  expect(reaches(near, 1, 2)).toEqual(dropped);
  expect(bed.check("policy", box, config)).toSucceed();
  bed.write(file, JSON.stringify({ ingress: { allow: [{ from: net1 }] } }));
  expect(bed.check("policy", box, config).error.code).toBe(104);
  expect(bed.add("policy", box, config)).toSucceed();
  expect(bed.check("policy", box, config)).toSucceed();
  expect(reaches(near, 1, 2)).toEqual(passes);
  bed.write(file, "{");
  const { error } = bed.add("policy", box, config);
  expect(error).toMatchObject({ code: 7, msg: expect.stringContaining(`Cannot read "${file}": `) });
  expect(bed.del("policy", box, config)).toSucceed();
});

it("a list that is changed or left out is no longer there after the next ADD", ({ bed }) => {
  const all = { ingress: { deny: [{ from: net1 }] }, egress: { deny: [{ to: net1 }] } };
  const { box, result } = attach(bed, guarded(1, all));
  const rules = () => bed.host.nft().match(/chain (in|e)gress-[0-9a-f]{24}|10\.1\.[0-9.]+\/24/g);
  expect(new Set(rules())).toHaveProperty("size", 3);
  for (const [lists, left] of [
    [{ ...all, ingress: { deny: [{ from: net2 }] } }, ["10.1.2.0/24", "10.1.1.0/24"]],
    [{ egress: { deny: [{ to: net2 }] } }, ["10.1.2.0/24"]],
    [{}, []],
  ] as const) {
    const config = { ...guarded(1, lists)[1], prevResult: result };
    expect(bed.check("policy", box, config).error.code).toBe(104);
    expect(bed.add("policy", box, config)).toSucceed();
    expect(bed.check("policy", box, config)).toSucceed();
    const networks = new Set((rules() ?? []).filter((each) => each.endsWith("/24")));
    expect(networks).toEqual(new Set(left));
  }
  expect(rules()).toBeNull();
});

it("follows the container's addresses with another ADD, and leaves nothing at the former ones", ({
  bed,
}) => {
  const lists = { ingress: { allow: [] }, egress: { allow: [] } };
  const { box, result } = attach(bed, guarded(1, lists));
  const config = (prevResult: object) => ({ ...guarded(1, lists)[1], prevResult });
  const moved = JSON.parse(JSON.stringify(result).replaceAll("10.1.1.2/", "10.1.1.77/")) as object;
  expect(bed.host.nft()).toContain("10.1.1.2 comment");
  expect(bed.add("policy", box, config(moved))).toSucceed();
  expect(bed.host.nft()).toContain("10.1.1.77 comment");
  expect(bed.host.nft()).not.toContain("10.1.1.2 comment");
  expect(bed.check("policy", box, config(moved))).toSucceed();
});

it("stays as it was if another ADD is refused half-way", ({ bed }) => {
  const lists = { ingress: { allow: [] }, egress: { allow: [] } };
  const { box, result } = attach(bed, guarded(1, lists));
  const config = { ...guarded(1, lists)[1], prevResult: result };
  let refused = 0;
  for (let when = 1; ; when++) {
    const added = bed.add("policy", box, config, { fail: `sendto:error=ENOMEM:when=${when}` });
    expect([when, bed.check("policy", box, config).exitCode]).toEqual([when, 0]);
    if (added.exitCode === 0) break;
    refused++;
  }
  expect(refused).toBeGreaterThan(2);
});

it("flushed rules are found by CHECK, and come back by ADD and by weft repair", ({ bed }) => {
  const { box, result, near } = neighbours(bed, { ingress: { allow: [] } });
  const config = { ...guarded(1, { ingress: { allow: [] } })[1], prevResult: result };
  for (const table of ["inet", "bridge"]) {
    bed.host.sh(`nft flush ruleset ${table}`);
    expect(bed.check("policy", box, config).error.code).toBe(104);
    expect(bed.add("policy", box, config)).toSucceed();
    expect(bed.check("policy", box, config)).toSucceed();
  }
  expect(reaches(near, 1, 2)).toEqual(dropped);
});

it("GC ends policies of attachments that are gone, and of no others", ({ bed }) => {
  const plugins = guarded(1, { ingress: { allow: [] }, egress: { allow: [] } });
  const kept = attach(bed, plugins);
  const chains = () =>
    bed.host
      .nft()
      .match(/chain \S+/g)
      ?.sort();
  const before = chains();
  const gone = attach(bed, plugins);
  expect(chains()).not.toEqual(before);
  const valid = [{ containerID: kept.box.containerID, ifname: kept.box.ifName }];
  const config = { ...plugins[1], "cni.dev/valid-attachments": valid };
  expect(bed.gc("policy", config)).toSucceed();
  const rules = bed.host.nft();
  expect(rules).toContain("10.1.1.2 comment");
  expect(rules).not.toContain(`net1 ${gone.box.containerID} eth0`);
  expect(chains()).toEqual(before);
});

it("takes a thousand rules, and the last of them decides as the first does", ({ bed }) => {
  const from = Array.from({ length: 25 }, (_, i) => `10.${25 - i}.0.0/16`);
  const ports = Array.from({ length: 40 }, (_, i) => `${41 + i}/tcp`);
  const { box, result, near } = neighbours(bed, { ingress: { allow: [{ from, ports }] } });
  serving(box, 41, 80, 81);
  const answers = askAll(
    near,
    [41, 80, 81].map((port) => ({ to: "10.1.1.2", port })),
  );
  expect(answers).toEqual(["10.1.1.3", "10.1.1.3", ""]);
  const plugins = guarded(1, { ingress: { allow: [{ from, ports }] } });
  for (const outcome of new Chain(bed, plugins).check(box, result)) expect(outcome).toSucceed();
});

it("counts what it drops, for each container and direction", ({ bed }) => {
  const { near } = neighbours(bed, { ingress: { allow: [] } });
  reaches(near, 1, 2);
  expect(bed.host.nft()).toMatch(
    /chain ingress-\S+ \{[^}]*counter packets [1-9]\d* bytes \d+ drop/,
  );
});

describe("a list that would let through more than was meant is refused", () => {
  const cases: readonly (readonly [string, Config, string])[] = [
    ["a misspelled key", { ingress: { allow: [{ form: net1 }] } }, "ingress.allow[0].form"],
    ["the other direction's key", { egress: { allow: [{ from: net1 }] } }, "egress.allow[0].from"],
    ["an unknown list", { ingress: { permit: [] } }, "ingress.permit"],
    ["no networks", { ingress: { allow: [{ from: [] }] } }, "ingress.allow[0].from"],
    ["no ports", { egress: { deny: [{ ports: [] }] } }, "egress.deny[0].ports"],
    ["host bits", { ingress: { allow: [{ from: ["10.1.2.3/24"] }] } }, "10.1.2.0/24"],
    ["no network", { ingress: { allow: [{ from: ["pods"] }] } }, '"pods"'],
    ["a port without a protocol", { ingress: { allow: [{ ports: ["80"] }] } }, '"80"'],
    ["an unknown protocol", { ingress: { allow: [{ ports: ["80/http"] }] } }, '"80/http"'],
    ["ports of ICMP", { ingress: { allow: [{ ports: ["8/icmp"] }] } }, '"8/icmp"'],
    ["ports the wrong way", { ingress: { deny: [{ ports: ["9-8/tcp"] }] } }, '"9-8/tcp"'],
    ["a port that is none", { ingress: { deny: [{ ports: ["65536/tcp"] }] } }, '"65536/tcp"'],
    ["a stray exception", { ingress: { allow: [{ from: net1, except: net2 }] } }, "except"],
    ["an exception to everybody", { ingress: { deny: [{ except: net2 }] } }, "except"],
    ["a file besides lists", { ingress: {}, file: "/etc/policy.json" }, "file"],
    ["no such file", { file: "/nowhere/policy.json" }, "/nowhere/policy.json"],
    ["a path that is not absolute", { file: "policy.json" }, "file"],
    [
      "too many rules",
      {
        ingress: {
          allow: [
            {
              from: Array.from({ length: 40 }, (_, i) => `10.${i}.0.0/16`),
              ports: Array.from({ length: 40 }, (_, i) => `${i + 1}/tcp`),
            },
          ],
        },
      },
      "at most 1000 rules",
    ],
  ];
  it.for(cases)("%s", ([_, lists, words], { bed }) => {
    const prevResult = { cniVersion: "1.1.0", interfaces: [{ name: "br0" }], ips: [] };
    const box = bed.container();
    const before = bed.snapshot();
    const { error } = bed.add("policy", box, { ...guarded(1, lists)[1], prevResult });
    expect(error).toMatchObject({ code: 7, msg: expect.stringContaining(words) });
    expect(bed.leftovers(before)).toEqual([]);
  });
});

describe("what is left", () => {
  it("is nothing: DEL with and without prevResult, twice", ({ bed }) => {
    const plugins = guarded(1, { ingress: { allow: [] }, egress: { deny: [{ to: net2 }] } });
    const before = bed.snapshot();
    for (const isKnown of [true, false]) {
      const { box, result } = attach(bed, plugins);
      for (const outcome of new Chain(bed, plugins).del(box, isKnown ? result : undefined)) {
        expect(outcome).toSucceed();
      }
      for (const outcome of new Chain(bed, plugins).del(box)) expect(outcome).toSucceed();
    }
    const left = bed.leftovers(before, sharedBy(plugins[0]));
    expect(
      left.filter((line) => /10\.1\.1|fd00|egress-|ingress-[0-9a-f]|source-/.test(line)),
    ).toEqual([]);
  });
});
