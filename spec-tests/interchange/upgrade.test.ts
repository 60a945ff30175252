/** Under running containers the executables are exchanged: what one side made, the other ends. */
import { createHash } from "node:crypto";
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { bridgeWith } from "../bed/configs.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { needs } from "../bed/kernel.ts";
import type { Result } from "../bed/outcome.ts";
import { waitUntil } from "../bed/patience.ts";
import { by, commonVersions, hasCheck } from "../bed/sides.ts";
import { reservations } from "../bed/store.ts";

const it = needs("reference plugins");

const newest = commonVersions.at(-1) ?? "1.0.0";

/** A dual-stack network with everything that leaves traces on the host. */
function network(cniVersion: string, more: Config = {}): Config {
  const ranges = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]];
  const ipam = { type: "host-local", ranges };
  return bridgeWith(ipam, { cniVersion, isDefaultGateway: true, ipMasq: true, ...more });
}

/** The same network for GC, which only the newest version has. */
function forGc(config: Config, valid: readonly Container[]): Config {
  const attachments = valid.map(({ containerID, ifName }) => ({ containerID, ifname: ifName }));
  return { ...config, cniVersion: "1.1.0", "cni.dev/valid-attachments": attachments };
}

function addedByTheirs(bed: Bed, box: Container, config: Config): Result {
  const { result } = bed.add("bridge", box, config, by(bed, "theirs"));
  expect(bed.host.sh("iptables -t nat -S POSTROUTING")).toContain(box.containerID);
  return result;
}

/** Removes the namespace, as runtimes may before DEL, and waits until its links are gone too. */
function removeNetns(bed: Bed, box: Container): void {
  const veths = () => bed.host.links().filter((name) => name.startsWith("veth")).length;
  const before = veths();
  bed.host.sh(`ip netns delete ${box.name}`);
  waitUntil("the end of its links", () => veths() < before);
}

/** The lines of the host's NAT table that bear the names of reference plugins. */
function theirNat(bed: Bed): readonly string[] {
  const save = bed.host.sh("iptables-save -t nat; ip6tables-save -t nat");
  return save.split("\n").filter((line) => line.includes("CNI-"));
}

describe.each(commonVersions)("upgrade in place, version %s", (version) => {
  const config = network(version);

  it("CHECK by ours finds what ADD by theirs made", ({ bed }) => {
    const box = bed.container();
    const prevResult = addedByTheirs(bed, box, config);
    const run = bed.check("bridge", box, { ...config, prevResult });
    if (hasCheck(version)) expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    else expect(run.error).toMatchObject({ code: 1 });
  });

  it.for([
    ["with the namespace and the result", true, true],
    ["with the namespace only", true, false],
    ["with the result only", false, true],
    ["with nothing but the names", false, false],
  ] as const)("DEL by ours leaves nothing, %s", ([, hasNetns, hasResult], { bed }) => {
    const box = bed.container();
    const before = bed.snapshot();
    const prevResult = addedByTheirs(bed, box, config);
    if (!hasNetns) removeNetns(bed, box);
    const del = hasResult ? { ...config, prevResult } : config;
    const options = hasNetns ? {} : { env: { CNI_NETNS: undefined } };
    for (const _ of ["once", "twice"]) {
      expect(bed.del("bridge", box, del, options)).toMatchObject({ exitCode: 0, stdout: "" });
    }
    if (!hasNetns) bed.host.sh(`ip netns add ${box.name}`);
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
    expect(theirNat(bed)).toEqual([]);
  });

  it("GC by ours takes away what is not valid, and leaves the rest", ({ bed }) => {
    const [kept, gone] = [bed.container(), bed.container()];
    addedByTheirs(bed, kept, config);
    const before = bed.snapshot();
    addedByTheirs(bed, gone, config);
    removeNetns(bed, gone);
    bed.host.sh(`ip netns add ${gone.name}`);
    expect(bed.gc("bridge", forGc(config, [kept]))).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
    expect(reservations(bed)).toEqual(["10.1.2.2", "fd00:1::2"]);
    expect(kept.ping("10.1.2.1")).toBe(true);
  });

  it("a container may come by ours beside those of theirs, and all may go by ours", ({ bed }) => {
    const [old, young] = [bed.container(), bed.container()];
    const before = bed.snapshot();
    addedByTheirs(bed, old, config);
    bed.add("bridge", young, config).result;
    expect(young.ping("10.1.2.2")).toBe(true);
    for (const box of [old, young]) expect(bed.del("bridge", box, config).exitCode).toBe(0);
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });
});

describe("upgrade in place", () => {
  it("the network may speak the newest version at the same time", ({ bed }) => {
    const config = network("1.0.0");
    const box = bed.container();
    const before = bed.snapshot();
    const prevResult = addedByTheirs(bed, box, config);
    const upgraded = { ...config, cniVersion: "1.1.0", prevResult };
    expect(bed.check("bridge", box, upgraded)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.del("bridge", box, upgraded).exitCode).toBe(0);
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });

  it("each attachment of a container goes by itself", ({ bed }) => {
    const config = network(newest);
    const box = bed.container();
    addedByTheirs(bed, box, config);
    bed.add(
      "bridge",
      box,
      { ...config, isDefaultGateway: false, isGateway: true },
      {
        ...by(bed, "theirs"),
        ifName: "net1",
      },
    ).result;
    expect(bed.del("bridge", box, config, { ifName: "net1" }).exitCode).toBe(0);
    expect(reservations(bed)).toEqual(["10.1.2.2", "fd00:1::2"]);
    expect(box.links()).toEqual(["lo", "eth0"]);
    expect(theirNat(bed).filter((line) => line.includes("POSTROUTING"))).toHaveLength(2);
    expect(theirNat(bed).filter((line) => line.includes("MASQUERADE"))).not.toEqual([]);
    expect(bed.del("bridge", box, config).exitCode).toBe(0);
    expect(theirNat(bed)).toEqual([]);
  });

  it.for([
    ["beside masquerade", true],
    ["alone", false],
  ] as const)(
    "a MAC spoof check of theirs, %s, serves CHECK and goes with DEL",
    ([, ipMasq], { bed }) => {
      const config = network(newest, { macspoofchk: true, ipMasq });
      const box = bed.container();
      const before = bed.snapshot();
      const prevResult = bed.add("bridge", box, config, by(bed, "theirs")).result;
      expect(bed.host.nft()).toContain("cni-br-iface-box1-id-eth0");
      const check = bed.check("bridge", box, { ...config, prevResult });
      expect(check).toMatchObject({ exitCode: 0, stdout: "" });
      expect(bed.del("bridge", box, config).exitCode).toBe(0);
      expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
    },
  );

  it.for([
    ["the jump to it", "flush chain bridge nat PREROUTING"],
    ["its rule", "flush chain bridge nat cni-br-iface-box1-id-eth0-mac"],
    ["the way to its rule", "flush chain bridge nat cni-br-iface-box1-id-eth0"],
  ] as const)(
    "CHECK finds out that a MAC spoof check of theirs lacks %s",
    ([, damage], { bed }) => {
      const config = network(newest, { macspoofchk: true });
      const box = bed.container();
      const prevResult = addedByTheirs(bed, box, config);
      bed.host.sh(`nft ${damage}`);
      const { error } = bed.check("bridge", box, { ...config, prevResult });
      expect(error).toMatchObject({ code: 104, msg: expect.stringContaining("spoofcheck") });
    },
  );

  it.for([
    ["a jump", "iptables -t nat -F POSTROUTING"],
    [
      "the rules",
      "for i in $(iptables -t nat -S | awk '$1 == \"-N\" {print $2}'); do iptables -t nat -F $i; done",
    ],
    ["the jump of the other family", "ip6tables -t nat -F POSTROUTING"],
  ] as const)("CHECK finds out that masquerade of theirs lacks %s", ([, damage], { bed }) => {
    const config = network(newest);
    const box = bed.container();
    const prevResult = addedByTheirs(bed, box, config);
    bed.host.sh(damage);
    const { error } = bed.check("bridge", box, { ...config, prevResult });
    expect(error).toMatchObject({ code: 104, msg: expect.stringContaining("masquerade4") });
  });

  it("what a failed ADD of theirs left goes with DEL by ours", ({ bed }) => {
    const ipam = {
      type: "host-local",
      subnet: "10.1.2.0/24",
      routes: [{ dst: "192.0.2.0/24", gw: "198.51.100.9" }],
    };
    const config = bridgeWith(ipam, { cniVersion: newest, ipMasq: true });
    const box = bed.container();
    const before = bed.snapshot();
    expect(bed.add("bridge", box, config, by(bed, "theirs")).exitCode).toBe(1);
    expect(box.links()).toEqual(["lo", "eth0"]);
    expect(bed.del("bridge", box, config).exitCode).toBe(0);
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });

  it("loopback: ADD by theirs, CHECK and DEL by ours", ({ bed }) => {
    const config = { cniVersion: newest, name: "lo", type: "loopback" };
    const box = bed.container();
    const options = { ifName: "lo" };
    const run = bed.add("loopback", box, config, { ...by(bed, "theirs"), ...options });
    const withResult = { ...config, prevResult: run.result };
    expect(bed.check("loopback", box, withResult, options)).toSucceed();
    expect(bed.del("loopback", box, withResult, options).exitCode).toBe(0);
    expect(box.link("lo").flags).not.toContain("UP");
  });
});

/** What the reference plugins from 1.8 on make where they masquerade by nftables. */
function nftablesMasquerade(bed: Bed, networkName: string, boxes: readonly Container[]): void {
  const rules = boxes.map(({ containerID, ifName }, i) => {
    const mark = `${digits(networkName)}-${digits(`${ifName}:${containerID}`)}`;
    const comment = `comment "${mark}, net: ${networkName}, if: ${ifName}, id: ${containerID}"`;
    return `
      add rule ${masqChecks} ip saddr 10.1.2.${i + 2} ip daddr != 10.1.2.0/24 masquerade ${comment}
      add rule ${masqChecks} ip6 saddr fd00:1::${i + 2} ip6 daddr != fd00:1::/64 masquerade ${comment}`;
  });
  bed.host.sh(`nft -f - <<'END'
    add table inet cni_plugins_masquerade
    add chain ${masqChecks}
    add chain inet cni_plugins_masquerade postrouting { type nat hook postrouting priority 100; }
    flush chain inet cni_plugins_masquerade postrouting
    add rule inet cni_plugins_masquerade postrouting ip daddr 224.0.0.0/4 return
    add rule inet cni_plugins_masquerade postrouting ip6 daddr ff00::/8 return
    add rule inet cni_plugins_masquerade postrouting goto masq_checks
    ${rules.join("")}
END`);
}

const masqChecks = "inet cni_plugins_masquerade masq_checks";

function digits(text: string): string {
  return createHash("sha512").update(text).digest("hex").slice(0, 16);
}

/** Whose rules are left, by the words in their comments. */
function masqueradedBy(bed: Bed): readonly string[] {
  const comments = bed.host
    .sh(`nft list chain ${masqChecks}`)
    .matchAll(/net: (\S+),.* id: (\S+)"/g);
  return Array.from(comments, ([, name, id]) => `${name} ${id}`);
}

describe("upgrade in place, masquerade by nftables", () => {
  const config = network("1.0.0");

  it.for([
    ["with the namespace", true],
    ["without the namespace", false],
  ] as const)("DEL by ours removes the rules of the attachment, %s", ([, hasNetns], { bed }) => {
    const [kept, gone] = [bed.container(), bed.container()];
    for (const box of [kept, gone]) {
      bed.add("bridge", box, { ...config, ipMasq: false }, by(bed, "theirs")).result;
    }
    nftablesMasquerade(bed, "net", [kept, gone]);
    expect(masqueradedBy(bed)).toEqual([
      "net box1-id",
      "net box1-id",
      "net box2-id",
      "net box2-id",
    ]);
    if (!hasNetns) removeNetns(bed, gone);
    const options = hasNetns ? {} : { env: { CNI_NETNS: undefined } };
    expect(bed.del("bridge", gone, config, options)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(masqueradedBy(bed)).toEqual(["net box1-id", "net box1-id"]);
    expect(reservations(bed)).toEqual(["10.1.2.2", "fd00:1::2"]);
  });

  it("CHECK by ours takes them for masquerade, but only if they are complete", ({ bed }) => {
    const box = bed.container();
    const add = { ...config, ipMasq: false };
    const prevResult = bed.add("bridge", box, add, by(bed, "theirs")).result;
    const check = () => bed.check("bridge", box, { ...config, prevResult });
    expect(check().error.code).toBe(104);
    nftablesMasquerade(bed, "other", [box]);
    expect(check().error.code).toBe(104);
    nftablesMasquerade(bed, "net", [box]);
    expect(check()).toMatchObject({ exitCode: 0, stdout: "" });
    bed.host.sh("nft flush chain inet cni_plugins_masquerade postrouting");
    expect(check().error.code).toBe(104);
  });

  it("GC by ours removes the rules of what is not valid in this network", ({ bed }) => {
    const [kept, gone] = [bed.container(), bed.container()];
    nftablesMasquerade(bed, "net", [kept, gone]);
    nftablesMasquerade(bed, "other", [gone]);
    expect(bed.gc("bridge", forGc(config, [kept]))).toMatchObject({ exitCode: 0, stdout: "" });
    expect(masqueradedBy(bed)).toEqual([
      "net box1-id",
      "net box1-id",
      "other box2-id",
      "other box2-id",
    ]);
  });
});

describe.each(commonVersions)("downgrade, version %s", (version) => {
  it("DEL by theirs ends what ADD by ours made; our masquerade's element stays", ({ bed }) => {
    const config = network(version);
    const box = bed.container();
    const before = bed.snapshot();
    const prevResult = bed.add("bridge", box, config).result;
    if (hasCheck(version)) {
      const run = bed.check("bridge", box, { ...config, prevResult }, by(bed, "theirs"));
      expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    }
    const run = bed.del("bridge", box, { ...config, prevResult }, by(bed, "theirs"));
    // It misses a chain of its own, says so at the very end, and is content when asked again.
    if (!run.ok) expect(run.stdout).toMatch(/Chain 'CNI-[0-9a-f]{24}' does not exist/);
    expect(bed.del("bridge", box, { ...config, prevResult }, by(bed, "theirs"))).toSucceed();
    expect(bed.leftovers(before, sharedBy(config)).map(keyOf)).toEqual([
      expect.stringContaining(
        'host nft inet weft map masquerade4 element [{"elem":{"val":"10.1.2.2"',
      ),
      expect.stringContaining(
        'host nft inet weft map masquerade6 element [{"elem":{"val":"fd00:1::2"',
      ),
    ]);
    bed.gc("bridge", forGc(config, []));
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });

  it("by iptables nothing stays", ({ bed }) => {
    const config = network(version, { ipMasqBackend: "iptables" });
    const box = bed.container();
    const before = bed.snapshot();
    bed.add("bridge", box, config).result;
    expect(bed.del("bridge", box, config, by(bed, "theirs"))).toSucceed();
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });
});

function keyOf(line: string): string {
  return line.slice(2);
}
