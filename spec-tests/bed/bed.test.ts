import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, vi } from "vitest";
import { type Bed, createBed } from "./bed.ts";
import { bridge } from "./configs.ts";
import { sharedBy } from "./difference.ts";
import type { Config } from "./invocation.ts";
import { it } from "./it.ts";
import { isRunning } from "./keeper.ts";
import { partOf, partOfToday, seedOfToday, someOf } from "./part.ts";
import { backgroundInBed } from "./paths.ts";
import { waitUntil } from "./patience.ts";
import { serve } from "./ports.ts";
import { listedPrograms } from "./programs.ts";
import { systemCalls } from "./system-calls.ts";
import { Watch } from "./watch.ts";

/** What a stand-in plugin leaves behind, how, and the words by which the difference names it. */
const leaks = [
  ["a link", "ip link add leaked type veth peer name other", "+ host link leaked"],
  ["an address", "ip address add 192.0.2.1/32 dev lo", "+ host address lo 192.0.2.1/32"],
  ["a link's setting", "ip link set uplink mtu 1400", "~ host link uplink mtu: 1500 became 1400"],
  ["a route", "ip route add 192.0.2.0/24 dev lo table 77", "192.0.2.0/24 dev lo table 77"],
  ["an IPv6 route", "ip route add 2001:db8::/64 dev lo", "+ host routes6 unicast 2001:db8::/64"],
  ["a rule", "ip rule add from 192.0.2.1 priority 9 lookup 77", "+ host rules4 9"],
  [
    "a neighbour",
    "ip neighbour add 192.0.2.9 lladdr 02:00:00:00:00:09 nud permanent dev uplink",
    "+ host neighbours uplink 192.0.2.9",
  ],
  [
    "a forwarding entry",
    "bridge fdb add 02:00:00:00:00:09 dev uplink self permanent",
    "+ host fdb uplink 02:00:00:00:00:09",
  ],
  [
    "a filter",
    "tc qdisc add dev uplink ingress && tc filter add dev uplink ingress u32 match u32 0 0 flowid 1:1",
    "+ host filters uplink ingress u32",
  ],
  ["traffic control", "tc qdisc add dev uplink root handle 1: htb", "+ host qdiscs htb"],
  [
    "a firewall rule",
    "nft 'add table ip x; add chain ip x y; add rule ip x y accept'",
    "+ host nft ip x rule y",
  ],
  [
    "a rule of the older iptables",
    "iptables-legacy -A FORWARD -s 192.0.2.1 -j DROP",
    "+ host -A FORWARD -s 192.0.2.1/32 -j DROP",
  ],
  [
    "an element of our set",
    "nft 'add table inet weft; add set inet weft s { type ipv4_addr; }; add element inet weft s { 10.1.2.3 }'",
    '+ host nft inet weft set s element "10.1.2.3"',
  ],
  ["a sysctl", "echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet", "all/route_localnet"],
  ["a file", "mkdir -p /var/lib/cni; echo x >/var/lib/cni/leaked", "+ file /var/lib/cni/leaked"],
  ["a temporary file", "echo x >/tmp/leaked", "+ file /tmp/leaked"],
  [
    "a reservation",
    "mkdir -p /var/lib/cni/networks/net; echo x >/var/lib/cni/networks/net/10.1.2.2",
    "+ file /var/lib/cni/networks/net/10.1.2.2",
  ],
  [
    "a link in a container",
    "ip -n box1 link add leaked type veth peer name other",
    "+ box1 link leaked",
  ],
  [
    "a sysctl in a container",
    "ip netns exec box1 sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'",
    "box1 sysctl ipv4/ip_forward",
  ],
] as const;

describe("the bed", () => {
  it.for(leaks)("sees %s that a plugin left behind", ([, script, words], { bed }) => {
    const config = bridge("10.1.2.0/24");
    const left = leftBy(bed, script, config);

    expect(left.join("\n")).toContain(words);
  });

  it("sees no difference where a plugin leaves only what attachments share", ({ bed }) => {
    const config = bridge("10.1.2.0/24");
    const store = "/var/lib/cni/networks/net";
    const script = `
      ip link add br0 type bridge && ip address add 10.1.2.1/24 dev br0 && ip link set br0 up
      echo 1 >/proc/sys/net/ipv4/ip_forward
      nft 'add table inet weft; add set inet weft s { type ipv4_addr; }'
      mkdir -p ${store} && echo 10.1.2.2 >${store}/last_reserved_ip.0 && touch ${store}/lock`;

    expect(leftBy(bed, script, config)).toEqual([]);
  });

  it("gives each test a machine of its own", ({ bed }) => {
    expect(bed.host.links()).toEqual(["lo", "uplink0"]);
    expect(bed.list("/var/lib")).toEqual([]);
    expect(bed.host.nft()).toBe("");
  });

  it("never takes a missing executable for one that fails", ({ bed }) => {
    expect(() => bed.exec("nosuch", { command: "ADD" })).toThrow("Cannot run nosuch ADD");
    const fail = "openat:error=EIO:when=99999";
    expect(() => bed.exec("nosuch", { command: "ADD", fail })).toThrow("Cannot run nosuch ADD");
  });

  it("runs programs as they are: their input, outputs, end, and namespace", ({ bed }) => {
    const much = "x".repeat(3_000_000);
    const env = { PATH: bed.programs };
    const copy = bed.run("cat; echo end >&2", env);
    expect([copy.status, copy.signal, `${copy.stdout}`, `${copy.stderr}`]).toEqual([
      0,
      null,
      "",
      "end\n",
    ]);
    const stdin = `{"cniVersion":"1.1.0","x":"${much}"}`;
    expect(bed.exec("bridge", { command: "VERSION", stdin })).toSucceed();
    expect(bed.host.sh("head -c 3000000 /dev/zero | tr '\\0' x")).toBe(much);
    expect(bed.run("exit 7", env).status).toBe(7);
    expect(bed.run("kill -9 $$", env)).toMatchObject({ status: null, signal: "SIGKILL" });
    expect(bed.run('echo "$A"', { ...env, A: "ä b" }).stdout.toString()).toBe("ä b\n");
    const box = bed.container();
    expect(box.links()).toEqual(["lo"]);
    expect(bed.host.links()).toEqual(["lo", "uplink0"]);
    bed.host.sh(`ip netns delete ${box.name}`);
    expect(box.succeeds("true")).toBe(false);
    expect(() => box.sh("true")).toThrow(`Cannot run ${box.netns}: No such file or directory`);
  });

  it("refuses a program that tools/setup.sh does not list, by name", () => {
    const script = `printf '#!/bin/sh\\n' >/tmp/mine && chmod +x /tmp/mine && /tmp/mine && hostname`;
    const refusal = '"hostname" is run by a test, but tools/setup.sh does not list it';
    const bed = createBed();
    expect(listedPrograms()).not.toContain("hostname");
    expect(() => bed.host.sh(script)).toThrow(refusal);
    expect(() => bed.dispose()).toThrow(refusal);
  });

  it("refuses it as well where nobody would see that it failed", () => {
    for (const script of ["hostname 2>/dev/null", "hostname 2>/dev/null || true"]) {
      for (const isInside of [false, true]) {
        const bed = createBed();
        const view = isInside ? bed.container() : bed.host;
        view.succeeds(script);
        expect(() => bed.dispose()).toThrow('"hostname" is run by a test');
      }
    }
    const stand = createBed();
    stand.recorder("hidden").script("ADD", "hostname >/dev/null 2>&1; exit 1");
    stand.exec("hidden", { command: "ADD", from: stand.fakes });
    expect(() => stand.dispose()).toThrow('"hostname" is run by a test');
  });

  it("runs nothing that the user's .bashrc says, wherever it is started from", () => {
    const home = mkdtempSync("/var/tmp/weft-home-");
    writeFileSync(`${home}/.bashrc`, "echo .bashrc >>/run/bed/refused");
    vi.stubEnv("HOME", home);
    vi.stubEnv("SHLVL", undefined);
    const bed = createBed();
    bed.container().sh("bash -c true");
    bed.snapshot();
    vi.unstubAllEnvs();
    rmSync(home, { recursive: true });
    expect(() => bed.dispose()).not.toThrow();
  });

  it("refuses a program that neither the list nor the machine has", ({ bed }) => {
    const refusal = '"nosuch" is run by a test, but tools/setup.sh does not list it';
    expect(() => bed.host.sh("nosuch --version")).toThrow(refusal);
    expect(() => bed.host.succeeds("nosuch --version")).toThrow(refusal);
  });

  it("finds every program that tools/setup.sh lists, and no other", ({ bed }) => {
    const missing = listedPrograms().filter((name) => !bed.host.succeeds(`command -v ${name}`));
    expect(missing).toEqual([]);
    expect(bed.list(bed.programs).toSorted()).toEqual([...listedPrograms(), "node"].toSorted());
  });

  it("ends what hangs, and what computes without end, and lets go on what gets on", async () => {
    const run = spawn("sh", ["-c", "sleep 1000; exit 7"]);
    const status = new Promise((resolve) => run.on("exit", resolve));
    const watch = new Watch(process.pid, { looks: 3, progress: 100, computed: 30_000 });
    expect(watch.look()).toEqual([]);
    while (run.exitCode === null && watch.look().length === 0) await delay(10);
    expect(await status).not.toBe(0);

    const loop = spawn("sh", ["-c", "while :; do :; done"]);
    const end = new Promise((resolve) => loop.on("exit", (_, signal) => resolve(signal)));
    const strict = new Watch(process.pid, { looks: 1e9, progress: 100, computed: 10 });
    for (let lines = strict.look(); ; lines = strict.look()) {
      if (lines.some((line) => line.includes("computes without end: sh -c while"))) break;
      await delay(10);
    }
    expect(await end).toBe("SIGKILL");
  });

  it("counts a call that the kernel begins anew as one", () => {
    const trace = [
      'openat(AT_FDCWD, "/proc/sys/net/ipv6/conf/all/forwarding", O_WRONLY) = 3',
      'write(3, "1", 1) = ? ERESTARTNOINTR (To be restarted)',
      'write(3, "1", 1) = ? ERESTARTNOINTR (To be restarted)',
      'write(3, "1", 1) = 1',
    ];
    expect(systemCalls(trace.join("\n"))).toEqual([
      { name: "openat", nth: 1, isPrivate: true },
      { name: "write", nth: 1, isPrivate: false },
    ]);
  });

  it("ends what serves a port, which would keep its namespaces", () => {
    const bed = createBed();
    serve(bed.host, "tcp", 80);
    const [pid] = bed.read(backgroundInBed).split("\n");
    expect(existsSync(`/proc/${pid}/fd`)).toBe(true);
    bed.dispose();
    waitUntil("its end", () => !isRunning(Number(pid)));
  });

  it("takes a part of a long list, and in all its parts all of it", () => {
    const list = Array.from({ length: 100 }, (_, i) => i);
    const parts = ["1/3", "2/3", "3/3"].map((part) => {
      vi.stubEnv("WEFT_PART", part);
      return partOf(list);
    });
    vi.stubEnv("WEFT_PART", "4/3");
    expect(() => partOf(list)).toThrow("4/3");
    vi.stubEnv("WEFT_PART", "1/1");
    expect(partOf(list)).toEqual(list);
    vi.stubEnv("WEFT_PART", undefined);
    expect(partOfToday()).toMatch(/^[1-4]\/4$/);
    vi.unstubAllEnvs();
    expect(parts.flat().sort((a, b) => a - b)).toEqual(list);
    expect(parts.map(({ length }) => length)).toEqual([34, 33, 33]);
  });

  it("takes other hostile input with each seed, and all of it with as many as it takes", () => {
    const list = Array.from({ length: 100 }, (_, i) => i);
    const taken = ["20783", "20784", "20785", "20786"].map((seed) => {
      vi.stubEnv("WEFT_HOSTILE", seed);
      return someOf(list, 30, 5);
    });
    vi.stubEnv("WEFT_HOSTILE", "all");
    expect(someOf(list, 30)).toEqual(list);
    vi.stubEnv("WEFT_HOSTILE", "1/3");
    expect(() => someOf(list, 30)).toThrow("1/3");
    vi.stubEnv("WEFT_HOSTILE", undefined);
    expect(seedOfToday()).toMatch(/^\d+$/);
    vi.unstubAllEnvs();
    expect(taken.flat().sort((a, b) => a - b)).toEqual(list);
    expect(taken.map(({ length }) => length)).toEqual([25, 25, 25, 25]);
  });

  it("never takes a signal for an ordinary failure", ({ bed }) => {
    const dying = bed.recorder("dying");
    dying.script("ADD", "kill -9 $$");
    const run = bed.exec("dying", { command: "ADD", from: bed.fakes });

    expect(run).toMatchObject({ ok: false, exitCode: null, signal: "SIGKILL" });
    expect(() => run.error).toThrow("died");
  });
});

function leftBy(bed: Bed, script: string, config: Config): readonly string[] {
  const box = bed.container();
  bed.outside();
  bed.recorder("leaky").script("ADD", `{ ${script}\n} && exit 1`);
  const before = bed.snapshot();

  expect(bed.add("leaky", box, config, { from: bed.fakes })).toMatchObject({
    exitCode: 1,
    stderr: "",
  });
  return bed.leftovers(before, sharedBy(config));
}
