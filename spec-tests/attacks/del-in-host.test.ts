/**
 * DEL with a CNI_NETNS that leads to the host's own namespace, as a stale path or a mistaken
 * runtime gives it: the container counts as gone, and nothing of the host is taken for its.
 */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Chain } from "../bed/chain.ts";
import { plugins } from "../bed/executables.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import type { Snapshot } from "../bed/snapshot.ts";
import { workingConfig } from "../bed/subjects.ts";

const base = { cniVersion: "1.1.0", name: "net" };

/** All that a pod may have. */
const list = (hostPort: number): readonly Config[] => [
  {
    ...base,
    type: "bridge",
    bridge: "br0",
    isDefaultGateway: true,
    ipMasq: true,
    macspoofchk: true,
    ipam: { type: "host-local", subnet: "10.1.2.0/24" },
  },
  {
    ...base,
    type: "portmap",
    runtimeConfig: { portMappings: [{ hostPort, containerPort: 80, protocol: "tcp" }] },
  },
  { ...base, type: "firewall", ingressPolicy: "same-bridge" },
  { ...base, type: "tuning", mtu: 1400, sysctl: { "net.ipv4.conf.IFNAME.arp_filter": "1" } },
];

/** A link of the host with the name of the pod's, a veth without an alias, as DEL would delete it. */
function linkOfHost(bed: Bed): void {
  bed.host.sh(`
    ip link set lo up
    ip link add eth0 type veth peer name eth0-peer
    ip link set eth0 addrgenmode none up && ip link set eth0-peer addrgenmode none up
    ip address add 198.51.100.1/24 dev eth0
    echo 1 >/proc/sys/net/ipv4/conf/eth0/arp_filter`);
}

const pod = list(8080);

/** Another pod, so that all that pods share is there. */
function neighbour(bed: Bed): void {
  new Chain(bed, list(8081)).add(bed.container("neighbour"));
}

/** What the pod left; the address that was given last is meant to be remembered. */
function leftovers(bed: Bed, before: Snapshot): readonly string[] {
  return bed.leftovers(before).filter((line) => !line.includes("/last_reserved_ip."));
}

/** The ways to the host's namespace that a runtime may have, each made anew. */
const ways: Readonly<Record<string, (bed: Bed) => string>> = {
  "/proc/self/ns/net": () => "/proc/self/ns/net",
  "a process of the host": (bed) => {
    const pid = bed.host.sh("sleep 1000 >/dev/null 2>&1 & echo $!").trim();
    return `/proc/${pid}/ns/net`;
  },
  "a bind mount": (bed) => {
    bed.host.sh("touch /run/bound && mount --bind /proc/self/ns/net /run/bound");
    return "/run/bound";
  },
  "a symbolic link to a bind mount": (bed) => {
    bed.host.sh("touch /run/bound && mount --bind /proc/self/ns/net /run/bound");
    bed.host.sh("ln -s bound /run/linked");
    return "/run/linked";
  },
};

describe("a DEL whose namespace is the host's own", () => {
  it.for(Object.keys(ways))(
    "by way of %s frees all that the pod had, and changes no link of the host",
    (way, { bed }) => {
      linkOfHost(bed);
      const box = bed.container();
      neighbour(bed);
      const before = bed.snapshot();
      const prevResult = new Chain(bed, pod).add(box);
      const env = { CNI_NETNS: ways[way]?.(bed) };
      for (const outcome of new Chain(bed, pod).del(box, prevResult, { env }))
        expect(outcome).toMatchObject({ exitCode: 0, stdout: "" });
      expect(bed.host.addresses("eth0")).toEqual(["198.51.100.1/24"]);
      expect(bed.host.link("eth0")).toMatchObject({ mtu: 1500, operstate: "UP" });
      expect(bed.host.sysctl("net/ipv4/conf/eth0/arp_filter")).toBe("1");
      expect(bed.host.link("lo").flags).toContain("UP");
      expect(bed.list("/var/lib/cni/networks/net")).not.toContain("10.1.2.3");
      expect(bed.host.nft()).not.toContain(box.containerID);
      bed.host.sh("umount /run/bound 2>/dev/null; rm -f /run/bound /run/linked");
      expect(leftovers(bed, before)).toEqual([]);
      expect(box.links()).toEqual(["lo"]);
    },
  );

  it("would reach the host's link if CNI_NETNS_OVERRIDE said that it is meant", ({ bed }) => {
    linkOfHost(bed);
    const box = bed.container();
    const env = { CNI_NETNS: "/proc/self/ns/net", CNI_NETNS_OVERRIDE: "1" };
    expect(bed.del("bridge", box, pod[0] ?? {}, { env })).toSucceed();
    expect(bed.host.links()).not.toContain("eth0");
  });

  it.for(plugins().map(({ name }) => name))(
    "succeeds with %s and changes nothing",
    (name, { bed }) => {
      linkOfHost(bed);
      const config = workingConfig(name);
      const box = bed.container();
      const before = bed.snapshot();
      const outcome = bed.del(name, box, config, {
        env: { CNI_NETNS: "/proc/self/ns/net" },
      });
      expect(outcome).toMatchObject({ exitCode: 0, stdout: "" });
      expect(bed.host.link("lo").flags).toContain("UP");
      expect(bed.leftovers(before)).toEqual([]);
    },
  );

  it("is a DEL without a namespace for an address manager of others", ({ bed }) => {
    const recorder = bed.recorder("fake");
    const config = { ...base, type: "bridge", bridge: "br0", ipam: { type: "fake" } };
    const env = { CNI_NETNS: "/proc/self/ns/net" };
    expect(bed.del("bridge", bed.container(), config, { env })).toSucceed();
    expect(
      recorder.calls.map(({ env: { CNI_COMMAND, CNI_NETNS } }) => [CNI_COMMAND, CNI_NETNS]),
    ).toEqual([["DEL", undefined]]);
  });
});

describe("a DEL whose namespace nobody can enter", () => {
  it.for([
    ["a plain file", "touch /run/way", "/run/way"],
    ["a folder", "mkdir /run/way", "/run/way"],
    ["a pipe that nobody writes to", "mkfifo /run/way", "/run/way"],
    ["a socket", "python3 -c 'import socket; socket.socket(1).bind(\"/run/way\")'", "/run/way"],
    ["a namespace of another kind", ":", "/proc/self/ns/mnt"],
    ["a symbolic link to itself", "ln -s way /run/way", "/run/way"],
    ["a path below a file", "touch /run/way", "/run/way/net"],
    ["a path that is too long", ":", `/${"a/".repeat(2100)}net`],
    ["a name that is too long", ":", `/${"a".repeat(300)}`],
  ] as const)("because it is %s frees all that the pod had", ([, prepare, CNI_NETNS], { bed }) => {
    bed.host.sh(prepare);
    const box = bed.container();
    neighbour(bed);
    const before = bed.snapshot();
    const prevResult = new Chain(bed, pod).add(box);
    for (const outcome of new Chain(bed, pod).del(box, prevResult, { env: { CNI_NETNS } }))
      expect(outcome).toMatchObject({ exitCode: 0, stdout: "" });
    expect(leftovers(bed, before)).toEqual([]);
    expect(box.links()).toEqual(["lo"]);
  });

  it("because nobody may read it frees all that the pod had, and says so", ({ bed }) => {
    const box = bed.container();
    neighbour(bed);
    const before = bed.snapshot();
    const prevResult = new Chain(bed, pod).add(box);
    bed.host.sh("mkdir /run/closed && chown 1 /run/closed && chmod 0 /run/closed");
    const caps = "-dac_override,-dac_read_search";
    const as = ["setpriv", "--bounding-set", caps, "--inh-caps", caps];
    const options = { as, env: { CNI_NETNS: "/run/closed/net" } };
    for (const outcome of new Chain(bed, pod).del(box, prevResult, options)) {
      expect(outcome).toMatchObject({ exitCode: 0, stdout: "" });
      expect(outcome.stderr).toMatch(/"\/run\/closed\/net".*EACCES.*; it counts as gone/);
    }
    bed.host.sh("rmdir /run/closed");
    expect(leftovers(bed, before)).toEqual([]);
    expect(box.links()).toEqual(["lo"]);
  });
});
