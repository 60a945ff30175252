/** A second network with the address of a container that lives: what that one has stays its own. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Chain } from "../bed/chain.ts";
import { bridgeWith } from "../bed/configs.ts";
import type { Container } from "../bed/container.ts";
import { fakeFirewalld } from "../bed/firewalld.ts";
import type { Config, RunOptions } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { vanish } from "../bed/vanish.ts";

const backends = ["nftables", "iptables"] as const;
const ips = [{ address: "10.1.1.9/24" }, { address: "fd00:1::9/64" }];

/** An address manager that hands out whatever somebody asked for. */
function bridgeOf(bed: Bed, name: string, more: Config = {}): Config {
  const type = `ipam-of-${String(more.bridge ?? name)}`;
  bed.recorder(type).answer("ADD", { stdout: { cniVersion: "1.1.0", ips } });
  return bridgeWith({ type }, { name, bridge: `br-${name}`, ...more });
}

function firewallOf(name: string, more: Config = {}): Config {
  return { cniVersion: "1.1.0", name, type: "firewall", ...more };
}

/** What a container's bridge would say, or what no bridge of this suite ever said. */
const bare: Config = { cniVersion: "1.1.0", ips };

const elements = (bed: Bed, id: string) =>
  bed.host
    .sh("nft list ruleset; iptables-save; ip6tables-save")
    .split("\n")
    .filter((line) => line.includes(id));

/** Refused with the owner's name and what to do; the owner has what it had. */
function expectRefused(bed: Bed, victim: Container, attack: () => { error: unknown }): void {
  const before = elements(bed, victim.containerID);
  expect(before).not.toEqual([]);
  expect(attack().error).toMatchObject({
    code: 103,
    msg: expect.stringMatching(
      new RegExp(`10\\.1\\.1\\.9.*"${victim.containerID}".*"pods".*(DEL|GC)`),
    ),
  });
  expect(elements(bed, victim.containerID)).toEqual(before);
}

/** What is called for a container whose ADD was refused, and for its network. */
function leave(bed: Bed, box: Container, config: Config, prevResult?: Config): void {
  const type = String(config.type);
  expect(bed.del(type, box, { ...config, prevResult })).toSucceed();
  expect(bed.gc(type, { ...config, "cni.dev/valid-attachments": [] })).toSucceed();
}

describe("masquerade of a container that lives", () => {
  it("is neither taken over nor removed by a network with its address", ({ bed }) => {
    const pods = bridgeOf(bed, "pods", { ipMasq: true });
    const evil = bridgeOf(bed, "evil", { ipMasq: true });
    const [victim, attacker] = [bed.container("victim"), bed.container("attacker")];
    const { result } = bed.add("bridge", victim, pods);
    const before = elements(bed, victim.containerID);
    expectRefused(bed, victim, () => bed.add("bridge", attacker, evil));
    leave(bed, attacker, evil, result as unknown as Config);
    expect(elements(bed, victim.containerID)).toEqual(before);
    const prevResult = result as unknown as Config;
    expect(bed.check("bridge", victim, { ...pods, prevResult })).toSucceed();
    expect(elements(bed, attacker.containerID)).toEqual([]);
  });

  it("that is done by iptables is not touched either", ({ bed }) => {
    const by = { ipMasq: true, ipMasqBackend: "iptables" };
    const [pods, evil] = [bridgeOf(bed, "pods", by), bridgeOf(bed, "evil", by)];
    const [victim, attacker] = [bed.container("victim"), bed.container("attacker")];
    bed.add("bridge", victim, pods).result;
    const before = bed.host.sh("iptables -t nat -S; ip6tables -t nat -S");
    const own = before.split("\n").filter((line) => line.includes(victim.containerID));
    expect(own).not.toEqual([]);
    bed.add("bridge", attacker, evil).result;
    leave(bed, attacker, evil);
    expect(bed.host.sh("iptables -t nat -S; ip6tables -t nat -S")).toBe(before);
  });

  it("is had by the next one as soon as its namespace is gone, without DEL", ({ bed }) => {
    const pods = bridgeOf(bed, "pods", { ipMasq: true });
    const other = bridgeOf(bed, "other", { ipMasq: true });
    const [lost, next] = [bed.container("lost"), bed.container("next")];
    bed.add("bridge", lost, pods).result;
    vanish(bed, lost);
    const prevResult = bed.add("bridge", next, other).result as unknown as Config;
    expect(bed.check("bridge", next, { ...other, prevResult })).toSucceed();
    expect(bed.del("bridge", lost, pods, { env: { CNI_NETNS: "" } })).toSucceed();
    expect(bed.check("bridge", next, { ...other, prevResult })).toSucceed();
  });

  it("is known by names too long for a comment, and for an alias", ({ bed }) => {
    for (const [length, next] of [
      [100, "a"],
      [254, "b"],
    ] as const) {
      const name = "n".repeat(length);
      const more = { ipMasq: true, bridge: `br-${next}` };
      const pods = bridgeOf(bed, name, more);
      const evil = bridgeOf(bed, `evil-${next}`, { ipMasq: true });
      const [victim, attacker] = [bed.container(`v${next}`), bed.container(`w${next}`)];
      const env = { CNI_CONTAINERID: "c".repeat(64) };
      bed.add("bridge", victim, pods, { env }).result;
      expect(bed.add("bridge", attacker, evil).error.code).toBe(103);
      leave(bed, attacker, evil);
      vanish(bed, victim);
      expect(bed.add("bridge", attacker, evil)).toSucceed();
      expect(bed.del("bridge", attacker, evil)).toSucceed();
    }
  });
});

describe.each(backends)("the %s firewall of a container that lives", (backend) => {
  const policy = { backend, ingressPolicy: "same-bridge" };

  it("is neither taken over nor removed by a network with its address", ({ bed }) => {
    const [pods, evil] = [bridgeOf(bed, "pods"), bridgeOf(bed, "evil")];
    const [victim, attacker] = [bed.container("victim"), bed.container("attacker")];
    const result = new Chain(bed, [pods, firewallOf("pods", policy)]).add(victim);
    const prevResult = bed.add("bridge", attacker, evil).result as unknown as Config;
    const config = firewallOf("evil", { backend });
    expectRefused(bed, victim, () => bed.add("firewall", attacker, { ...config, prevResult }));
    leave(bed, attacker, config, prevResult);
    const call = { ...firewallOf("pods", policy), prevResult: result };
    expect(bed.check("firewall", victim, call)).toSucceed();
    expect(elements(bed, attacker.containerID)).toEqual([]);
  });

  it.for([
    [
      "by a link of another suite",
      (box: Container) => [
        { name: "lan0" },
        { name: "veth0a1b2c3d" },
        { name: "eth0", sandbox: box.netns },
      ],
    ],
    ["by its namespace alone", (box: Container) => [{ name: "eth0", sandbox: box.netns }]],
    ["by nothing in the result", () => []],
  ] as const)("is protected also where it is known %s", ([, interfaces], { bed }) => {
    const [victim, attacker] = [bed.container("victim"), bed.container("attacker")];
    bed.host.sh(`
      ip link add lan0 type bridge
      ip link add veth0a1b2c3d type veth peer name eth0 netns victim`);
    const pods = firewallOf("pods", { backend });
    const prevResult = { ...bare, interfaces: interfaces(victim) };
    bed.add("firewall", victim, { ...pods, prevResult }).result;
    const evil = firewallOf("evil", { backend });
    expectRefused(bed, victim, () => bed.add("firewall", attacker, { ...evil, prevResult: bare }));
    leave(bed, attacker, evil, bare);
    expect(bed.check("firewall", victim, { ...pods, prevResult })).toSucceed();
    vanish(bed, victim);
    expect(bed.add("firewall", attacker, { ...evil, prevResult: bare })).toSucceed();
    expect(bed.check("firewall", attacker, { ...evil, prevResult: bare })).toSucceed();
    expect(elements(bed, victim.containerID)).toEqual([]);
  });

  it("is kept from whoever comes while only a process holds its namespace", ({ bed }) => {
    const [victim, attacker] = [bed.container("victim"), bed.container("attacker")];
    new Chain(bed, [bridgeOf(bed, "pods"), firewallOf("pods", { backend })]).add(victim);
    const pid = Number(victim.sh("sleep 1000 </dev/null >/dev/null 2>&1 & echo $!"));
    bed.atEnd(() => process.kill(pid));
    bed.host.sh(`umount ${victim.netns}; rm ${victim.netns}`);
    const evil = firewallOf("evil", { backend });
    expectRefused(bed, victim, () => bed.add("firewall", attacker, { ...evil, prevResult: bare }));
  });

  it("is not kept for a container whose path leads to another namespace by now", ({ bed }) => {
    const [lost, next] = [bed.container("lost"), bed.container("next")];
    const pods = firewallOf("pods", { backend });
    const env = { CNI_NETNS: "/run/moved" };
    bed.host.sh(`touch /run/moved; mount --bind ${lost.netns} /run/moved`);
    bed.add("firewall", lost, { ...pods, prevResult: bare }, { env }).result;
    bed.host.sh(`umount /run/moved; mount --bind ${next.netns} /run/moved`);
    const run = bed.add("firewall", next, { ...pods, prevResult: bare });
    expect(run).toSucceed();
  });

  it("is the container's own at a second ADD, and after one that failed", ({ bed }) => {
    const box = bed.container();
    const config = { ...firewallOf("pods", { backend }), prevResult: bare };
    for (let i = 0; i < 2; i++) bed.add("firewall", box, config).result;
    expect(bed.check("firewall", box, config)).toSucceed();
  });

  it("that an earlier version wrote, without a note, is kept by the alias alone", ({ bed }) => {
    const [victim, attacker] = [bed.container("victim"), bed.container("attacker")];
    const prevResult = new Chain(bed, [bridgeOf(bed, "pods")]).add(victim);
    const text = `pods ${victim.containerID} eth0`;
    const evil = { ...firewallOf("evil", { backend }), prevResult: bare };
    if (backend === "nftables") {
      bed.add("firewall", attacker, evil).result;
      bed.del("firewall", attacker, evil);
      bed.host.sh(`
        nft add chain inet weft to-any '{ accept; }'
        nft add element inet weft forward4 '{ 10.1.1.9 comment "${text}" : goto to-any }'`);
    } else {
      bed.host.sh(`
        iptables -N CNI-FORWARD
        iptables -A CNI-FORWARD -s 10.1.1.9/32 -m comment --comment "${text}" -j ACCEPT`);
    }
    expectRefused(bed, victim, () => bed.add("firewall", attacker, evil));
    expect(bed.check("firewall", victim, { ...evil, prevResult })).toMatchObject({ ok: false });
    vanish(bed, victim);
    expect(bed.add("firewall", attacker, evil)).toSucceed();
    expect(elements(bed, victim.containerID)).toEqual([]);
  });
});

it("a rule of the reference plugin stays, whoever else asks for its address", ({ bed }) => {
  const [victim, attacker] = [bed.container("victim"), bed.container("attacker")];
  bed.host.sh("iptables -N CNI-FORWARD; iptables -A CNI-FORWARD -s 10.1.1.9/32 -j ACCEPT");
  const held = { ...firewallOf("pods"), prevResult: bare };
  bed.add("firewall", victim, held).result;
  const evil = { ...firewallOf("evil", { backend: "nftables" }), prevResult: bare };
  expect(bed.add("firewall", attacker, evil).error.code).toBe(103);
  const own = { ...firewallOf("evil", { backend: "iptables" }), prevResult: bare };
  bed.add("firewall", attacker, own).ok;
  expect(bed.host.sh("iptables -S CNI-FORWARD")).toContain(
    "-A CNI-FORWARD -s 10.1.1.9/32 -j ACCEPT",
  );
});

describe("sources of firewalld", () => {
  it("stay those of a container that lives", ({ bed }) => {
    const { options, sources } = fakeFirewalld(bed);
    const [victim, attacker] = [bed.container("victim"), bed.container("attacker")];
    const pods = { ...firewallOf("pods", { backend: "firewalld" }), prevResult: bare };
    const evil = { ...firewallOf("evil", { backend: "firewalld" }), prevResult: bare };
    bed.add("firewall", victim, pods, options).result;
    const both = sources();
    expect(both).toHaveLength(2);
    const run = (config: Config, more: RunOptions = options) =>
      bed.add("firewall", attacker, config, more);
    expectRefused(bed, victim, () => run(evil));
    expect(sources()).toEqual(both);
    expect(bed.del("firewall", attacker, evil, options)).toSucceed();
    expect(bed.gc("firewall", { ...evil, "cni.dev/valid-attachments": [] }, options)).toSucceed();
    expect(sources()).toEqual(both);
    vanish(bed, victim);
    expect(run(evil)).toSucceed();
    expect(bed.del("firewall", victim, pods, options)).toSucceed();
    expect(sources()).toEqual(both);
    expect(bed.del("firewall", attacker, evil, options)).toSucceed();
    expect(sources()).toEqual([]);
  });
});
