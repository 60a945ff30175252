/** P2.08: keys of the configuration in any case, for every command, and what a delegate gets of it. */
import { createHash } from "node:crypto";
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { bridge, hostLocal } from "../bed/configs.ts";
import { fakeIpam } from "../bed/fake-ipam.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { reservations } from "../bed/store.ts";

const quiet = { exitCode: 0, stdout: "" };
const network = bridge("10.1.2.0/24");
const earlier = {
  cniVersion: "1.1.0",
  interfaces: [{ name: "net0", sandbox: "/run/netns/box1" }],
  ips: [{ address: "192.0.2.7/24", interface: 0 }],
};

/** `name` and `cniVersion` spelled right, wrong, and one of each. */
const heads: readonly Config[] = [
  { name: "net", cniVersion: "1.1.0" },
  { Name: "net", cniVersion: "1.1.0" },
  { name: "net", CniVersion: "1.1.0" },
  { NAME: "net", cniversion: "1.1.0" },
];

/** A configuration with another head. */
function headed(head: Config, { name: _, cniVersion: __, ...rest }: Config): Config {
  return { ...head, ...rest };
}

function listing(...containerIDs: readonly string[]): Config {
  const valid = containerIDs.map((ContainerID) => ({ ContainerID, IfName: "eth0" }));
  return { "Cni.dev/Valid-Attachments": valid };
}

describe.each(heads)("P2.08 with %j", (head) => {
  const lo = { ...head, type: "loopback" };

  it("ADD prints what it got as PrevResult", ({ bed }) => {
    const run = bed.add("loopback", bed.container(), { ...lo, PrevResult: earlier });
    expect(run.json).toEqual(earlier);
  });

  it("ADD adds to what it got as PrevResult", ({ bed }) => {
    const config = headed(head, { ...network, PREVRESULT: earlier });
    const { interfaces, ips } = bed.add("bridge", bed.container(), config).result;
    expect(interfaces[0]).toEqual(earlier.interfaces[0]);
    expect(ips.map(({ address }) => address)).toEqual(["10.1.2.2/24", "192.0.2.7/24"]);
  });

  it("CHECK looks for what is in PrevResult", ({ bed }) => {
    const box = bed.container();
    const config = headed(head, network);
    const PrevResult = bed.add("bridge", box, config).result;
    expect(bed.check("bridge", box, { ...config, PrevResult })).toMatchObject(quiet);
    const ips = [{ address: "10.1.2.9/24", interface: 2 }];
    const other = { ...PrevResult, ips };
    expect(bed.check("bridge", box, { ...config, PrevResult: other }).error.code).toBe(104);
  });

  it("a chained plugin has its PrevResult, also for CHECK and DEL", ({ bed }) => {
    const box = bed.container();
    const prevResult = bed.add("bridge", box, network).result;
    const sysctl = { "net.ipv4.conf.IFNAME.arp_filter": "1" };
    const config = { ...head, type: "tuning", sysctl, PrevResult: prevResult };
    expect(bed.add("tuning", box, config).result).toEqual(prevResult);
    expect(bed.check("tuning", box, config)).toMatchObject(quiet);
    expect(bed.del("tuning", box, config)).toMatchObject(quiet);
    expect(box.sysctl("net/ipv4/conf/eth0/arp_filter")).toBe("0");
  });

  it("GC keeps what Cni.dev/Valid-Attachments lists, and only that", ({ bed }) => {
    const [kept, gone] = [bed.container(), bed.container()];
    for (const box of [kept, gone]) bed.add("bridge", box, network).result;
    const config = headed(head, { ...network, ...listing(kept.containerID) });
    expect(bed.gc("bridge", config)).toMatchObject(quiet);
    expect(reservations(bed)).toEqual(["10.1.2.2"]);
  });

  it("STATUS reads the keys of the plugin", ({ bed }) => {
    expect(bed.status("host-local", headed(head, hostLocal("10.1.2.0/24")))).toMatchObject(quiet);
    const { ipam } = hostLocal("10.1.2.1/24");
    const config = headed(head, hostLocal("", { ipam: undefined, IPAM: ipam }));
    expect(bed.status("host-local", config).error.code).toBe(7);
  });

  it("DEL of a whole list goes by the list's name", ({ bed }) => {
    const box = bed.container();
    bed.add("bridge", box, network).result;
    const { name: _, cniVersion: __, ...plugin } = network;
    expect(bed.del("bridge", box, { ...head, plugins: [plugin] })).toMatchObject(quiet);
    expect(reservations(bed)).toEqual([]);
  });

  it("flannel hands PrevResult and RuntimeConfig on", ({ bed }) => {
    const fake = bed.recorder("fake");
    fake.answer("ADD", { stdout: earlier });
    const lines = ["NETWORK=10.1.0.0/16", "SUBNET=10.1.17.1/24", "MTU=1472", "IPMASQ=true"];
    const text = lines.map((line) => `FLANNEL_${line}\n`).join("");
    bed.write("/run/flannel/subnet.env", text);
    const RuntimeConfig = { mac: "02:00:00:00:00:01" };
    const more = { Delegate: { type: "fake" }, RuntimeConfig, PrevResult: earlier };
    const config = { ...head, type: "flannel", ...more };
    const box = bed.container();
    bed.add("flannel", box, config).result;
    expect(bed.check("flannel", box, config)).toMatchObject(quiet);
    expect(bed.del("flannel", box, config)).toMatchObject(quiet);
    for (const { stdin } of fake.calls) {
      const expected = { cniVersion: "1.1.0", runtimeConfig: RuntimeConfig, prevResult: earlier };
      expect(JSON.parse(stdin)).toMatchObject(expected);
    }
    expect(fake.commands).toEqual(["ADD", "CHECK", "DEL"]);
  });

  it("a delegate is given the very bytes", ({ bed }) => {
    const answer = { ips: [{ address: "10.1.2.3/24" }] };
    const config = headed(head, fakeIpam(bed, answer, { PrevResult: earlier, ...listing() }));
    const fake = bed.recorder("fake2");
    fake.answer("ADD", { stdout: answer });
    const text = `${JSON.stringify({ ...config, ipam: undefined, IPAM: { Type: "fake2" } })} \n`;
    for (const ask of asksOf(bed, text)) ask();
    expect(fake.commands).toEqual(["ADD", "CHECK", "DEL", "GC", "STATUS"]);
    const sha256 = createHash("sha256").update(text).digest("hex");
    expect(fake.calls.map((call) => call.sha256)).toEqual(fake.calls.map(() => sha256));
  });
});

/** Every command to bridge, with the same bytes. */
function asksOf(bed: Bed, stdin: string): readonly (() => void)[] {
  const box = bed.container();
  const options = { stdin };
  return [
    () => bed.add("bridge", box, {}, options).result,
    () => bed.check("bridge", box, {}, options),
    () => bed.del("bridge", box, {}, options),
    () => bed.gc("bridge", {}, options),
    () => bed.status("bridge", {}, options),
  ];
}

describe("P2.08 of keys that differ by case only", () => {
  const lo = { name: "net", cniVersion: "1.1.0", type: "loopback" };
  const other = { cniVersion: "1.1.0", ips: [{ address: "192.0.2.8/24" }] };

  it("the one that is spelled right counts", ({ bed }) => {
    for (const config of [
      { ...lo, PrevResult: other, prevResult: earlier },
      { ...lo, prevResult: earlier, PrevResult: other },
    ]) {
      expect(bed.add("loopback", bed.container(), config).json).toEqual(earlier);
    }
  });

  it("null counts as absent", ({ bed }) => {
    for (const config of [
      { ...lo, PrevResult: earlier, prevResult: null },
      { ...lo, prevResult: null, PrevResult: earlier },
      { ...lo, name: null, Name: "net", prevResult: earlier, PrevResult: null },
    ]) {
      expect(bed.add("loopback", bed.container(), config).json).toEqual(earlier);
    }
  });
});
