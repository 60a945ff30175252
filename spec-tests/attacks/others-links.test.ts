/** Links that are another's, and what GC and DEL do to them. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { bridge } from "../bed/configs.ts";
import { it } from "../bed/it.ts";

const config = bridge("10.1.2.0/24");
const other = bridge("10.1.3.0/24", { name: "other", bridge: "br1" });
const none = { "cni.dev/valid-attachments": [] };

/** A pair that another program is making: down, without a word whose it is, a port of a bridge. */
function foreignPair(bed: Bed, name: string, master: string): void {
  bed.host.sh(`
    ip link show ${master} >/dev/null 2>&1 || ip link add ${master} type bridge
    ip link add ${name} type veth peer name far-${name.slice(-8)}
    ip link set ${name} master ${master}`);
}

/** The alias of the host end of an attachment, and its name. */
function attached(bed: Bed, of = config) {
  const box = bed.container();
  const name = bed.add("bridge", box, of).result.interfaces[1]?.name ?? "";
  return { box, name, alias: String(bed.host.link(name).ifalias) };
}

describe("GC of a network", () => {
  it("leaves a pair alone that another program is making on its own bridge", ({ bed }) => {
    foreignPair(bed, "veth0a1b2c3d", "docker0");
    expect(bed.gc("bridge", { ...config, ...none })).toSucceed();
    expect(bed.host.links()).toContain("veth0a1b2c3d");
  });

  it("leaves a pair alone that another plugin is making on the network's bridge", ({ bed }) => {
    foreignPair(bed, "veth0a1b2c3d", "br0");
    expect(bed.gc("bridge", { ...config, ...none })).toSucceed();
    expect(bed.host.links()).toContain("veth0a1b2c3d");
  });

  it("leaves what another network made alone, and takes what its own left", ({ bed }) => {
    const theirs = attached(bed, other);
    const own = attached(bed);
    expect(bed.gc("bridge", { ...config, ...none })).toSucceed();
    expect(bed.host.links()).toContain(theirs.name);
    expect(bed.host.links()).not.toContain(own.name);
  });

  it("leaves a link alone that bears the alias but is no veth", ({ bed }) => {
    const { alias } = attached(bed);
    bed.host.sh(`ip link add lan type bridge && ip link set lan alias "${alias}"`);
    expect(bed.gc("bridge", { ...config, ...none })).toSucceed();
    expect(bed.host.links()).toContain("lan");
  });

  it("takes no link of a network whose name begins with the same 150 characters", ({ bed }) => {
    const name = "n".repeat(150);
    const theirs = attached(bed, { ...other, name: `${name}-b` });
    expect(bed.gc("bridge", { ...config, name: `${name}-a`, ...none })).toSucceed();
    expect(bed.host.links()).toContain(theirs.name);
  });

  it("lets ADDs of another network succeed at the same time", async ({ bed }) => {
    bed.add("bridge", bed.container(), config).result;
    let adding = true;
    const collecting = Array.from({ length: 2 }, async () => {
      while (adding) {
        const stdin = JSON.stringify({ ...other, ...none });
        expect(await bed.start("bridge", { command: "GC", stdin })).toSucceed();
      }
    });
    const failures: unknown[] = [];
    for (let round = 0; round < 15; round++) {
      const boxes = Array.from({ length: 12 }, () => bed.container());
      const runs = await Promise.all(
        boxes.map((container) => bed.start("bridge", { command: "ADD", container, config })),
      );
      for (const { ok, stdout } of runs) if (!ok) failures.push(JSON.parse(stdout));
    }
    adding = false;
    await Promise.all(collecting);
    expect(failures).toEqual([]);
  });
});

describe("DEL of an attachment", () => {
  it("leaves a pair alone that another program is making under its name", ({ bed }) => {
    const { box, name } = attached(bed);
    box.sh("ip link delete eth0");
    foreignPair(bed, name, "br0");
    expect(bed.del("bridge", box, config)).toSucceed();
    expect(bed.host.links()).toContain(name);
  });

  it("leaves a link alone that bears its name and alias but is no veth", ({ bed }) => {
    const { box, name, alias } = attached(bed);
    box.sh("ip link delete eth0");
    bed.host.sh(`ip link add ${name} type bridge && ip link set ${name} alias "${alias}"`);
    expect(bed.del("bridge", box, config)).toSucceed();
    expect(bed.host.links()).toContain(name);
  });

  it("leaves the limit of a link of the host alone that has the number of another's", ({ bed }) => {
    const box = bed.container();
    bed.container("third");
    bed.host.sh(`
      ip link add lan index 500 type veth peer name wire
      tc qdisc add dev lan root tbf rate 1mbit burst 10kb limit 10kb
      ip -n third link add far index 500 type veth peer name eth0
      ip -n third link set eth0 netns ${box.name}`);
    const bandwidth = { ...config, type: "bandwidth", ingressRate: 1_000_000 };
    expect(bed.del("bandwidth", box, bandwidth)).toSucceed();
    expect(bed.host.sh("tc qdisc show dev lan")).toContain("tbf");
  });

  it("takes its own pair by its alias, when the namespace is not there any more", ({ bed }) => {
    const { box, name } = attached(bed);
    expect(bed.del("bridge", box, config, { env: { CNI_NETNS: "/run/netns/gone" } })).toSucceed();
    expect(bed.host.links()).not.toContain(name);
  });
});
