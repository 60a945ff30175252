/** What becomes of a lease of dhcp: renewed, run out, taken back, and when its container goes. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Daemon } from "../bed/daemon.ts";
import { alone, dhcpBridge, Lan, type Rules, startDaemon } from "../bed/dhcp.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";

const RECORDS = "/run/cni/dhcp.leases";

async function leased(bed: Bed, rules: Rules = {}) {
  const lan = new Lan(bed, rules);
  lan.connectBridge("br0");
  const daemon = await startDaemon(bed);
  const box = bed.container();
  const prevResult = bed.add("bridge", box, dhcpBridge()).result;
  const check = () => bed.check("bridge", box, dhcpBridge({}, { prevResult }));
  return { lan, daemon, box, check, ended: dhcpBridge({}, { prevResult }) };
}

/** How often the server was asked to renew. */
const renewals = (lan: Lan) =>
  lan.heard.filter(({ message, ciaddr }) => message === "request" && ciaddr === "10.77.0.10")
    .length;

const says = (daemon: Daemon, word: string) =>
  daemon.until(`"${word}"`, () => daemon.said.includes(word));

describe("a lease", () => {
  it("of a few seconds is renewed again and again, and the address stays", async ({ bed }) => {
    const { lan, daemon, box, check } = await leased(bed, { lease: 10 });
    await daemon.until("two renewals", () => renewals(lan) >= 2);
    expect(box.addresses("eth0")).toEqual(["10.77.0.10/24"]);
    expect(box.ping("10.77.0.1")).toBe(true);
    expect(check()).toSucceed();
    expect(daemon.said).not.toContain("lost");
    await daemon.kill();
  });

  it("that runs out takes its address along, and brings it back when the server is there again", async ({
    bed,
  }) => {
    const { lan, daemon, box, check } = await leased(bed, { lease: 4 });
    lan.behave({ lease: 4, silent: true });
    await says(daemon, "lost");
    await daemon.until("the end of the address", () => box.addresses("eth0").length === 0);
    expect(check().error.code).toBe(104);
    lan.behave({ lease: 3600 });
    await says(daemon, "10.77.0.10/24 again");
    expect(box.addresses("eth0")).toEqual(["10.77.0.10/24"]);
    expect(box.routes()).toContain("default via 10.77.0.1 dev eth0");
    expect(check()).toSucceed();
    await daemon.kill();
  });

  it("that the server takes back for another address is over", async ({ bed }) => {
    const { lan, daemon, box, check } = await leased(bed, { lease: 10 });
    lan.behave({ lease: 3600, address: "10.77.0.99" });
    await says(daemon, "for good");
    expect(box.addresses("eth0")).toEqual([]);
    expect(check().error.code).toBe(104);
    expect(lan.kinds).toContain("release");
    expect(bed.list(RECORDS)).toEqual([]);
    await daemon.kill();
  });

  it("whose routes change keeps those that were reported, and says so", async ({ bed }) => {
    const { lan, daemon, box } = await leased(bed, { lease: 10 });
    const before = box.routes();
    lan.behave({ lease: 10, options: { "3": "0a4d0009" } });
    await says(daemon, "changed: ");
    expect(box.routes()).toEqual(before);
    await daemon.kill();
  });
});

describe("after a restart of the daemon", () => {
  it.for(["SIGKILL", "SIGTERM"] as const)("by %s leases go on", async (signal, { bed }) => {
    const { lan, daemon, box, check, ended } = await leased(bed, { lease: 16 });
    await daemon.end(signal);
    expect(check().error.code).toBe(11);
    const before = lan.heard.length;
    const successor = await startDaemon(bed);
    expect(successor.said).toContain("1 leases are kept");
    expect(check()).toSucceed();
    const again = () => lan.heard.slice(before).some(({ requested }) => requested === "10.77.0.10");
    await successor.until("the question whether it still stands", again);
    await successor.until("a renewal", () => renewals(lan) > 0);
    expect(box.addresses("eth0")).toEqual(["10.77.0.10/24"]);
    expect(bed.del("bridge", box, ended)).toSucceed();
    expect(bed.list(RECORDS)).toEqual([]);
    await successor.kill();
  });

  it("those of namespaces that are gone or others by now are forgotten", async ({ bed }) => {
    const { daemon, box } = await leased(bed);
    await daemon.kill();
    bed.host.sh(`ip netns delete ${box.name}; ip netns add ${box.name}`);
    const successor = await startDaemon(bed);
    expect(successor.said).toContain("0 leases are kept");
    expect(bed.list(RECORDS)).toEqual([]);
    await successor.kill();
  });

  it("a damaged record harms nobody", async ({ bed }) => {
    const { daemon, check } = await leased(bed);
    await daemon.kill();
    bed.write(`${RECORDS}/0000000000000000.json`, '{"question":{"attachment":7},"place":{}}');
    bed.write(`${RECORDS}/1111111111111111.json`, "[");
    const successor = await startDaemon(bed);
    expect(check()).toSucceed();
    expect(successor.said).toContain('record "0000000000000000.json" cannot be read');
    await successor.kill();
  });
});

describe("the container's link", () => {
  it("may be renamed, and be down for a while", async ({ bed }) => {
    const { lan, daemon, box, check } = await leased(bed, { lease: 10 });
    box.sh("ip link set eth0 down && ip link set eth0 name lan0 && ip link set lan0 up");
    await daemon.until("a renewal", () => renewals(lan) >= 2);
    expect(box.addresses("lan0")).toEqual(["10.77.0.10/24"]);
    box.sh("ip link set lan0 down && ip link set lan0 name eth0 && ip link set eth0 up");
    box.sh("ip route replace default via 10.77.0.1");
    expect(check()).toSucceed();
    await daemon.kill();
  });

  it("may get another hardware address: the server is asked by it", async ({ bed }) => {
    const { lan, daemon, box } = await leased(bed);
    const before = lan.heard.length;
    box.sh("ip link set eth0 address 02:00:00:00:00:77");
    const again = () => lan.heard.slice(before).some(({ requested }) => requested === "10.77.0.10");
    await daemon.until("the question whether it still stands", again);
    expect(bed.check("dhcp", box, alone)).toSucceed();
    expect(box.addresses("eth0")).toEqual(["10.77.0.10/24"]);
    await daemon.kill();
  });

  it("takes the lease along when it is deleted", async ({ bed }) => {
    const { daemon, box } = await leased(bed);
    box.sh("ip link delete eth0");
    await says(daemon, "its link was deleted or moved away");
    expect(bed.list(RECORDS)).toEqual([]);
    await daemon.kill();
  });

  it("ends with its namespace, which the daemon does not keep", async ({ bed }) => {
    const { daemon, box } = await leased(bed);
    const ports = bed.host.links().filter((name) => name.startsWith("veth")).length;
    expect(ports).toBe(1);
    bed.host.sh(`ip netns delete ${box.name}`);
    await says(daemon, "its namespace is gone");
    bed.host.until("! ip -o link show type veth | grep -q ': veth'");
    expect(bed.list(RECORDS)).toEqual([]);
    await daemon.kill();
  });
});

describe("GC", () => {
  const gcConfig = (valid: readonly string[]): Config => ({
    ...dhcpBridge(),
    "cni.dev/valid-attachments": valid.map((containerID) => ({ containerID, ifname: "eth0" })),
  });

  it("P11.03 gives back what is not valid, and only that", async ({ bed }) => {
    const { lan, daemon, box, check } = await leased(bed);
    const other = bed.container();
    lan.connect(other);
    const own = { ...dhcpBridge(), type: "dhcp" };
    bed.add("dhcp", other, own).result;
    expect(bed.gc("dhcp", { ...gcConfig([box.containerID]), type: "dhcp" })).toSucceed();
    await daemon.until("the release", () => lan.kinds.includes("release"));
    expect(bed.list(RECORDS)).toHaveLength(1);
    expect(check()).toSucceed();
    await daemon.kill();
  });

  it("without a daemon removes the records of what is not valid", async ({ bed }) => {
    const { daemon, box } = await leased(bed);
    await daemon.kill();
    expect(bed.gc("bridge", gcConfig([box.containerID]))).toSucceed();
    expect(bed.list(RECORDS)).toHaveLength(1);
    expect(bed.gc("bridge", gcConfig([]))).toSucceed();
    expect(bed.list(RECORDS)).toEqual([]);
  });
});

describe("the log", () => {
  it("has no more than some lines of a server that gives and takes without end", async ({
    bed,
  }) => {
    const begun = performance.now();
    const { lan, daemon, box } = await leased(bed, { lease: 1 });
    for (let turn = 0; turn < 40; turn++) {
      const before = lan.heard.length;
      lan.behave({ lease: 1, nak: turn % 2 === 0, options: { "6": `0a4d00${10 + turn}` } });
      await daemon.until("two questions", () => lan.heard.length >= before + 2);
    }
    const lines = daemon.said.split("\n").filter((line) => line.includes(box.containerID));
    const minutes = (performance.now() - begun) / 60_000;
    expect(lines.length).toBeGreaterThan(15);
    expect(lines.length).toBeLessThanOrEqual(20 + minutes);
    await daemon.kill();
  });
});
