/** A whole list of plugins: bridge, portmap, bandwidth, firewall and tuning. */
import { writeFileSync } from "node:fs";
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Chain } from "../bed/chain.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { peerInBed } from "../bed/paths.ts";
import { ask, serve } from "../bed/ports.ts";
import { isOfProcess, systemCalls } from "../bed/system-calls.ts";

const versions = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;
/** Before it there are neither CHECK nor the firewall plugin. */
const hasCheck = (version: string) => version >= "0.4";
/** Results of older versions name no interfaces, which bandwidth has to know. */
const hasInterfaces = (version: string) => version >= "0.3";

/** The list in one version, of the plugins that speak it; `more` is added to every plugin. */
function list(cniVersion: string, more: Config = {}): readonly Config[] {
  const base = { cniVersion, name: "net" };
  const own = (type: string) => (more[type] ?? {}) as Config;
  const ipam = { type: "host-local", ranges: [[{ subnet: "10.1.2.0/24" }]] };
  const rate = 1_000_000_000;
  const limits = { ingressRate: rate, ingressBurst: rate, egressRate: rate, egressBurst: rate };
  const portMappings = [
    { hostPort: 8080, containerPort: 80, protocol: "tcp" },
    { hostPort: 5353, containerPort: 53, protocol: "udp" },
  ];
  const bridge = { type: "bridge", bridge: "br0", isDefaultGateway: true, ipMasq: true, ipam };
  const plugins: readonly Config[] = [
    { ...base, ...bridge, ...own("bridge") },
    { ...base, type: "portmap", runtimeConfig: { portMappings }, ...own("portmap") },
    { ...base, type: "bandwidth", ...limits, ...own("bandwidth") },
    { ...base, type: "firewall", ...own("firewall") },
    {
      ...base,
      type: "tuning",
      mtu: 1400,
      sysctl: { "net.ipv4.conf.IFNAME.arp_notify": "1" },
      ...own("tuning"),
    },
  ];
  return plugins
    .filter(({ type }) => type !== "firewall" || hasCheck(cniVersion))
    .filter(({ type }) => type !== "bandwidth" || hasInterfaces(cniVersion));
}

const shared = sharedBy(list("1.1.0")[0] ?? {});

/** What no DEL has to take away: the bridge, the frame of the firewall, and empty folders. */
function leftBy(bed: Bed, before: ReturnType<Bed["snapshot"]>): readonly string[] {
  return bed.leftovers(before, shared);
}

describe.for(versions)("in version %s", (cniVersion) => {
  it("every command does its work, and DEL leaves nothing", ({ bed }) => {
    const before = bed.snapshot();
    const box = bed.container();
    const fresh = bed.snapshot();
    const chain = new Chain(bed, list(cniVersion));
    const result = chain.add(box);
    serve(box, "tcp", 80);
    expect(ask(bed.host, "127.0.0.1", 8080)).toBe("10.1.2.1");
    if (hasCheck(cniVersion)) {
      expect(chain.check(box, result).map(({ stdout }) => stdout)).toEqual(["", "", "", "", ""]);
    }
    for (const run of chain.del(box, result))
      expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    expect(leftBy(bed, fresh)).toEqual([]);
    for (const run of chain.del(box, result))
      expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    expect(before).not.toEqual(fresh);
  });
});

/** What others may do to a living attachment, before its DEL. */
const damages = {
  "all rules are flushed": "nft flush ruleset",
  "the host's end is deleted":
    "ip link delete $(ip -o link show type veth | cut -d: -f2 | cut -d@ -f1)",
  "the ifb is deleted": "ip link delete $(ip -o link show type ifb | cut -d: -f2)",
  "the shaping is deleted":
    "for d in $(ip -o link show type veth | cut -d: -f2 | cut -d@ -f1); do tc qdisc del dev $d root; done",
  "the namespace is gone": "ip netns delete box1",
  "the bridge is deleted": "ip link delete br0",
  "the reservation is gone": "rm -r /var/lib/cni",
  "the backup is gone": "rm -r /run/cni",
  "our own state is gone": "rm -rf /run/weft",
};

it.for(Object.entries(damages))("DEL is content if %s", ([, damage], { bed }) => {
  const chain = new Chain(bed, list("1.1.0"));
  const first = bed.container();
  const before = bed.snapshot();
  const result = chain.add(first);
  bed.host.sh(damage);
  for (const run of chain.del(first, result))
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
  const inside = (line: string) => !/^[-+~] box1 /.test(line);
  const left = leftBy(bed, before).filter(inside);
  expect(left.filter((line) => !/^. (file|folder) \/run\/(netns|cni|weft)/.test(line))).toEqual([]);
});

it("DEL without any result, as after the loss of the runtime's cache, leaves nothing", ({
  bed,
}) => {
  const chain = new Chain(bed, list("1.1.0"));
  const box = bed.container();
  const before = bed.snapshot();
  chain.add(box);
  for (const run of chain.del(box)) expect(run).toMatchObject({ exitCode: 0, stdout: "" });
  expect(leftBy(bed, before)).toEqual([]);
});

it("GC of all plugins removes an attachment that is gone, and no other", ({ bed }) => {
  const chain = new Chain(bed, list("1.1.0", { portmap: { runtimeConfig: {} } }));
  const kept = bed.container("kept");
  chain.add(kept);
  const before = bed.snapshot();
  const gone = bed.container("gone");
  new Chain(bed, list("1.1.0")).add(gone);
  bed.host.sh("ip netns delete gone");
  const valid = [{ containerID: kept.containerID, ifname: "eth0" }];
  for (const config of list("1.1.0")) {
    const run = bed.gc(String(config.type), { ...config, "cni.dev/valid-attachments": valid });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
  }
  expect(leftBy(bed, before)).toEqual([]);
});

describe.for(["bridge", "portmap", "bandwidth", "firewall", "tuning"])("%s fails", (failing) => {
  it("at any step of ADD: DEL of the whole list takes back everything", ({ bed }) => {
    const box = bed.container();
    box.sh("ip link set lo up && ip link set lo down");
    const plugins = list("1.1.0");
    const calls = callsOf(bed, box, { plugins, failing });
    expect(calls.length).toBeGreaterThan(3);
    const before = bed.snapshot();
    const wrong = calls.flatMap(({ name, nth }) => {
      const fault = `-e trace=${name} -e inject=${name}:error=EIO:when=${nth}`;
      const from = wrapper(bed, failing, fault);
      const ends = failAt(bed, box, { plugins, failing, from });
      return ends.map((line) => `${name} ${nth}: ${line}`);
    });
    expect(wrong).toEqual([]);
    expect(leftBy(bed, before)).toEqual([]);
  });
});

interface Failure {
  readonly plugins: readonly Config[];
  readonly failing: string;
  /** The folder of the executable that fails. */
  readonly from?: string;
}

/** ADD up to the plugin that fails, and DEL of all, as a runtime does it. */
function failAt(bed: Bed, box: Container, { plugins, failing, from }: Failure): readonly string[] {
  let prevResult: Config | undefined;
  for (const plugin of plugins) {
    const type = String(plugin.type);
    const options = type === failing && from !== undefined ? { from } : {};
    const run = bed.add(type, box, { ...plugin, prevResult }, options);
    if (!run.ok) break;
    prevResult = run.result as unknown as Config;
  }
  return new Chain(bed, plugins).del(box).flatMap((run) => (run.ok ? [] : [run.stdout]));
}

/** The calls of a plugin's ADD that change something, in its place in the list. */
function callsOf(bed: Bed, box: Container, { plugins, failing }: Failure) {
  const trace = `${bed.folder("trace")}/calls`;
  const from = wrapper(bed, failing, `-o ${trace}`);
  for (const _ of [1, 2]) failAt(bed, box, { plugins, failing, from });
  const calls = systemCalls(bed.read(trace));
  return calls.filter(
    ({ name, isPrivate }) =>
      !isPrivate && !isOfProcess.test(name) && !/^(close|exit_group)$/.test(name),
  );
}

function wrapper(bed: Bed, program: string, options: string): string {
  const folder = bed.folder("wrapped");
  const output = options.includes("-o ") ? "" : "-o /dev/null";
  const script = `#!/bin/sh\nexec strace -qq ${output} ${options} ${bed.bin}/${program}\n`;
  writeFileSync(bed.path(`${folder}/${program}`), script, { mode: 0o755 });
  return folder;
}

describe("upgrade in place", () => {
  const theirs = { path: peerInBed, from: peerInBed };

  it.for(["iptables", undefined])(
    "from the reference plugins, portmap by %s",
    (backend, { bed }) => {
      const own = backend === undefined ? {} : { portmap: { ...portmapOf(), backend } };
      const ours = new Chain(bed, list("1.0.0", own));
      const box = bed.container();
      const first = bed.container();
      ours.add(first);
      ours.del(first);
      bed.host.sh("iptables -t nat -L >/dev/null; ip6tables -t nat -L >/dev/null");
      const warm = new Chain(bed, list("1.0.0"));
      const used = warm.add(box, theirs);
      warm.del(box, used, theirs);
      const before = bed.snapshot();
      const result = warm.add(box, theirs);
      serve(box, "tcp", 80);
      expect(ask(bed.host, "127.0.0.1", 8080)).toBe("10.1.2.1");
      const checks = ours.check(box, result).map(({ stdout }) => stdout);
      expect(checks).toEqual(["", "", "", "", ""]);
      for (const run of ours.del(box, result))
        expect(run).toMatchObject({ exitCode: 0, stdout: "" });
      expect(leftBy(bed, before)).toEqual([]);
    },
  );
});

function portmapOf(): Config {
  return list("1.0.0")[1] ?? {};
}
