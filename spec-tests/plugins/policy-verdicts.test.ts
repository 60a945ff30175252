/** The policy plugin: whatever its lists are, what the kernel lets through is what they say. */
import fc from "fast-check";
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import type { Config } from "../bed/invocation.ts";
import { needs } from "../bed/kernel.ts";
import { attach, network } from "../bed/networks.ts";
import { isThorough } from "../bed/part.ts";
import { waitUntil } from "../bed/patience.ts";
import { collectProbes, gotProbes, type Probe, probeText, sendProbes } from "../bed/probes.ts";
import { contains, isLet, type Lists } from "../bed/verdicts.ts";

const it = needs("br_netfilter or nf_conntrack_bridge");

/** Who is on the other side: by the same bridge, and by another one under several addresses. */
const near = ["10.1.1.3", "fd00:1::3"];
const far = ["10.1.2.2", "192.0.2.77", "198.51.100.7", "fd00:2::2", "fd00:9::7"];
const own = ["10.1.1.2", "fd00:1::2"];
const asked = [
  ...[80, 81].map((port) => ["tcp", port] as const),
  ...[53, 85].map((port) => ["udp", port] as const),
  ...[7, 8].map((port) => ["sctp", port] as const),
  ["icmp", 0] as const,
];

const networks = [
  ...["10.1.1.3", "fd00:9::7", "10.0.0.0/8", "10.1.2.0/24", "10.1.1.2/31", "0.0.0.0/0", "::/0"],
  ...["192.0.2.64/26", "198.51.100.0/29", "198.51.100.8/29", "fd00::/14", "fd00:1::/64"],
  ...["fd00:9::4/126", "fd00:9::/126", "8000::/1"],
];
const ports = [
  ...["tcp", "udp", "sctp", "icmp", "80/tcp", "81-90/tcp", "53/udp", "54-65535/udp", "1-7/sctp"],
];

const some = (list: readonly string[]) =>
  fc.option(fc.uniqueArray(fc.constantFrom(...list), { minLength: 1, maxLength: 3 }), {
    nil: undefined,
  });

/** An entry of a list; what is left out of it is not written. */
const entries = fc
  .record({ peers: some(networks), less: some(networks), ports: some(ports) })
  .map(({ peers, less = [], ...rest }) => {
    const except = less.filter((part) => peers?.some((each) => contains(each, part)));
    return { peers, except: except.length > 0 ? except : undefined, ...rest };
  });

const directions: fc.Arbitrary<Lists> = fc.record({
  deny: fc.option(fc.array(entries, { maxLength: 2 }), { nil: undefined }),
  allow: fc.option(fc.array(entries, { maxLength: 3 }), { nil: undefined }),
});

/** The lists as a configuration has them. */
function written(lists: Lists, key: "from" | "to"): Config {
  const list = (all: Lists["deny"]) =>
    all?.map(({ peers, ...rest }) => ({ [key]: peers, ...rest }));
  return { deny: list(lists.deny), allow: list(lists.allow) };
}

function probesTo(to: readonly string[], from: readonly string[]): readonly Probe[] {
  const pairs = from.flatMap((source) => to.map((target) => ({ from: source, to: target })));
  const sameFamily = pairs.filter((pair) => pair.from.includes(":") === pair.to.includes(":"));
  return sameFamily.flatMap((pair) =>
    asked.map(([protocol, port]) => ({ ...pair, protocol, port })),
  );
}

/** A container for policies, one beside it, and one whose addresses the host leads to it. */
function stage(bed: Bed) {
  const [bridge] = network(1);
  const { box, result } = attach(bed, [bridge]);
  const [beside, away] = [attach(bed, [bridge]).box, attach(bed, [network(2)[0]]).box];
  for (const address of far.filter((each) => !/^10|:2:/.test(each))) {
    const six = address.includes(":");
    away.sh(`ip address add ${address}/${six ? "128 nodad" : "32"} dev eth0`);
    bed.host.sh(`ip route add ${address} via ${six ? "fd00:2::2" : "10.1.2.2"}`);
  }
  bed.host.sh(`
    nft add table inet watch
    nft 'add chain inet watch forward { type filter hook forward priority 0; }'
    nft add rule inet watch forward ct state new accept`);
  bed.host.sh("echo 600 >/proc/sys/net/netfilter/nf_conntrack_udp_timeout");
  for (const each of [box, beside, away]) collectProbes(each);
  const { cniVersion, name } = bridge;
  const set = (lists: Config) => {
    const config = { cniVersion, name, type: "policy", ...lists, prevResult: result };
    expect(bed.add("policy", box, config)).toSucceed();
    expect(bed.check("policy", box, config)).toSucceed();
  };
  return { bed, box, beside, away, set };
}

type Stage = ReturnType<typeof stage>;

/** How many packets the container's policy has dropped since it came. */
function droppedBy(bed: Bed): number {
  const counts = bed.host.nft().matchAll(/counter packets (\d+) bytes \d+ drop/g);
  return Array.from(counts, ([, count]) => Number(count)).reduce((sum, each) => sum + each, 0);
}

/** Sends from some to others, and returns what has come once nothing is on its way. */
function exchange({ bed }: Stage, ways: readonly Way[], mark: number): ReadonlySet<string> {
  const before = droppedBy(bed);
  for (const { sender, probes } of ways) sendProbes(sender, probes, mark);
  const sent = ways.reduce((sum, { probes }) => sum + probes.length, 0);
  const got = () =>
    new Set(ways.flatMap(({ receiver }) => [...gotProbes(bed.host, receiver, mark)]));
  waitUntil("every probe", () => got().size + droppedBy(bed) - before >= sent);
  return got();
}

interface Way {
  readonly sender: Container;
  readonly receiver: Container;
  readonly probes: readonly Probe[];
}

/** The connections of this mark that are tracked: the source, and where it goes. */
function tracked(bed: Bed, mark: number): ReadonlySet<string> {
  const lines = bed.host.sh("cat /proc/net/nf_conntrack").split("\n");
  const udp = lines.filter((line) => / udp /.test(line) && line.includes(` sport=${mark} `));
  return new Set(udp.map((line) => /src=\S+ dst=\S+ sport=\d+ dport=\d+/.exec(line)?.[0] ?? ""));
}

function trackedAs({ from, to, port }: Probe, mark: number): string {
  const whole = (address: string) => (address.includes(":") ? full(address) : address);
  return `src=${whole(from)} dst=${whole(to)} sport=${mark} dport=${port}`;
}

/** An address of IPv6 as the kernel lists it, without `::`. */
function full(address: string): string {
  const [head = [], tail = []] = address.split("::").map((part) => part.split(":"));
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => "0");
  return [...head, ...zeros, ...tail].map((part) => part.padStart(4, "0")).join(":");
}

describe.each(["ingress", "egress"] as const)("%s", (direction) => {
  const key = direction === "ingress" ? "from" : "to";

  function waysOf({ box, beside, away }: Stage): readonly Way[] {
    const others = [
      { other: beside, addresses: near },
      { other: away, addresses: far },
    ];
    return others.map(({ other, addresses }) =>
      key === "from"
        ? { sender: other, receiver: box, probes: probesTo(own, addresses) }
        : { sender: box, receiver: other, probes: probesTo(addresses, own) },
    );
  }

  it("lets through what the lists say, and cuts what they forbid", ({ bed }) => {
    const set = stage(bed);
    const ways = waysOf(set);
    const probes = ways.flatMap((way) => way.probes);
    const texts = (some: readonly Probe[]) => new Set(some.map(probeText));
    let mark = 20_000;
    const property = fc.property(directions, (lists) => {
      set.set({});
      const [before, after] = [++mark, ++mark];
      expect(exchange(set, ways, before)).toEqual(texts(probes));
      set.set({ [direction]: written(lists, key) });
      const isPassing = (probe: Probe) => isLet(lists, { ...probe, peer: probe[key] });
      const passing = probes.filter(isPassing);
      const udp = passing.filter(({ protocol }) => protocol === "udp");
      expect(tracked(bed, before)).toEqual(new Set(udp.map((each) => trackedAs(each, before))));
      expect(exchange(set, ways, after)).toEqual(texts(passing));
    });
    fc.assert(property, { seed: 19, numRuns: isThorough() ? 60 : 8, endOnFailure: true });
  });
});
