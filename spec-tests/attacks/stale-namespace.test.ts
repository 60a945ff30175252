/**
 * DEL of a container that is long dead, with the path of a namespace that by now is another pod's:
 * a process number, or an inode's, is used again. The other pod keeps all that it has.
 */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";

const base = { cniVersion: "1.1.0", name: "net" };
const bridge: Config = {
  ...base,
  type: "bridge",
  bridge: "br0",
  ipam: { type: "host-local", subnet: "10.1.2.0/24" },
};
const tuning: Config = {
  ...base,
  type: "tuning",
  mtu: 1400,
  sysctl: { "net.ipv4.ip_forward": "1", "net.ipv4.conf.IFNAME.arp_filter": "1" },
};

interface Pod {
  readonly box: Container;
  readonly prevResult: Config;
}

function pod(bed: Bed, config: Config): Pod {
  const box = bed.container();
  const result = bed.add("bridge", box, bridge).result as unknown as Config;
  const prevResult = bed.add(String(config.type), box, { ...config, prevResult: result }).result;
  return { box, prevResult: prevResult as unknown as Config };
}

/** The path of a dead pod's namespace now leads to the other's. */
function leadTo(bed: Bed, dead: Container, other: Container): void {
  bed.host.sh(`
    ip netns delete ${dead.name}
    touch ${dead.netns} && mount --bind ${other.netns} ${dead.netns}`);
}

/** What tuning has changed of a pod. */
function tuned({ box }: Pod): Config {
  return {
    mtu: box.link("eth0").mtu,
    mac: box.link("eth0").address,
    forward: box.sysctl("net/ipv4/ip_forward"),
    filter: box.sysctl("net/ipv4/conf/eth0/arp_filter"),
  };
}

const backups = (bed: Bed) => bed.list("/run/cni/tuning");

/** Changes what the only backup says of its namespace. */
function rewrite(bed: Bed, change: Config): void {
  const path = `/run/cni/tuning/${backups(bed)[0]}`;
  const backup = JSON.parse(bed.read(path)) as Config & { readonly netns: Config };
  bed.write(path, JSON.stringify({ ...backup, netns: { ...backup.netns, ...change } }));
}

describe("tuning", () => {
  it("restores a pod in its own namespace", ({ bed }) => {
    const victim = pod(bed, { ...tuning, mac: "02:00:00:00:00:01" });
    expect(tuned(victim)).toMatchObject({ mtu: 1400, mac: "02:00:00:00:00:01", forward: "1" });
    expect(bed.del("tuning", victim.box, tuning)).toSucceed();
    expect(tuned(victim)).toMatchObject({ mtu: 1500, forward: "0", filter: "0" });
    expect(tuned(victim).mac).not.toBe("02:00:00:00:00:01");
  });

  it("changes nothing in another pod's namespace, and forgets the dead pod", ({ bed }) => {
    const dead = pod(bed, { ...tuning, mac: "02:00:00:00:00:01" });
    const victim = pod(bed, { ...tuning, mac: "02:00:00:00:00:02" });
    const before = tuned(victim);
    leadTo(bed, dead.box, victim.box);
    const outcome = bed.del("tuning", dead.box, { ...tuning, prevResult: dead.prevResult });
    expect(outcome).toMatchObject({ exitCode: 0, stdout: "" });
    expect(tuned(victim)).toEqual(before);
    expect(backups(bed)).toHaveLength(1);
    expect(bed.del("tuning", victim.box, tuning)).toSucceed();
    expect(tuned(victim)).toMatchObject({ mtu: 1500, forward: "0", filter: "0" });
  });

  it("changes nothing in a namespace that nobody has tuned", ({ bed }) => {
    const dead = pod(bed, tuning);
    const other = bed.container();
    other.sh(
      "echo 1 >/proc/sys/net/ipv4/ip_forward; ip link add eth0 type bridge; ip link set eth0 mtu 1400",
    );
    leadTo(bed, dead.box, other);
    expect(bed.del("tuning", dead.box, tuning)).toSucceed();
    expect(other.sysctl("net/ipv4/ip_forward")).toBe("1");
    expect(backups(bed)).toEqual([]);
  });

  it.for([
    ["whose cookie is another, as where an inode is used again", { cookie: "ffff" }],
    ["of an earlier boot", { boot: "00000000-0000-0000-0000-000000000000" }],
    ["with another inode", { inode: 1 }],
    ["on another device", { device: 1 }],
  ] as const)("changes nothing by a note of a namespace %s", ([, change], { bed }) => {
    const victim = pod(bed, tuning);
    rewrite(bed, change);
    expect(bed.del("tuning", victim.box, tuning)).toSucceed();
    expect(tuned(victim)).toMatchObject({ mtu: 1400, forward: "1" });
    expect(backups(bed)).toEqual([]);
  });

  it("restores by a note that is as it was written", ({ bed }) => {
    const victim = pod(bed, tuning);
    rewrite(bed, {});
    expect(bed.del("tuning", victim.box, tuning)).toSucceed();
    expect(tuned(victim)).toMatchObject({ mtu: 1500, forward: "0" });
  });

  it("does not take former values of a dead namespace for those of a new one", ({ bed }) => {
    const { box } = pod(bed, tuning);
    bed.host.sh(`ip netns delete ${box.name}; ip netns add ${box.name}`);
    const prevResult = { ...base, interfaces: [{ name: "eth0", sandbox: box.netns }] };
    box.sh("ip link add eth0 type bridge; ip link set eth0 mtu 1300");
    box.sh("echo 1 >/proc/sys/net/ipv4/conf/eth0/arp_filter");
    const config = { ...tuning, prevResult };
    expect(bed.add("tuning", box, config)).toSucceed();
    expect(bed.del("tuning", box, config)).toSucceed();
    expect(box.link("eth0").mtu).toBe(1300);
    expect(box.sysctl("net/ipv4/conf/eth0/arp_filter")).toBe("1");
  });

  it("keeps the first of two ADDs' former values in one namespace", ({ bed }) => {
    const { box, prevResult } = pod(bed, tuning);
    expect(bed.add("tuning", box, { ...tuning, mtu: 1200, prevResult })).toSucceed();
    expect(bed.del("tuning", box, tuning)).toSucceed();
    expect(box.link("eth0").mtu).toBe(1500);
  });

  describe("where the kernel gives namespaces no cookies", () => {
    const fail = "getsockopt:error=ENOPROTOOPT";

    it("restores by device and inode", ({ bed }) => {
      const box = bed.container();
      const prevResult = bed.add("bridge", box, bridge).result as unknown as Config;
      const config = { ...tuning, prevResult };
      expect(bed.add("tuning", box, config, { fail })).toSucceed();
      expect(bed.del("tuning", box, config, { fail })).toSucceed();
      expect(box.link("eth0").mtu).toBe(1500);
    });

    it("changes nothing in a namespace of that inode if the link is another pod's", ({ bed }) => {
      const victim = pod(bed, tuning);
      const [name] = backups(bed);
      const backup = JSON.parse(bed.read(`/run/cni/tuning/${name}`)) as Config & {
        readonly netns: Config;
      };
      const { cookie: _, ...netns } = backup.netns;
      const dead = bed.container();
      const { containerID } = dead;
      const note = JSON.stringify({ ...backup, containerID, netns });
      bed.write(`/run/cni/tuning/${containerID}_eth0.json`, note);
      leadTo(bed, dead, victim.box);
      expect(bed.del("tuning", dead, tuning, { fail })).toSucceed();
      expect(tuned(victim)).toMatchObject({ mtu: 1400, forward: "1" });
      expect(backups(bed)).toEqual([name]);
    });
  });

  it("changes nothing by a note of the reference's if the link is another pod's", ({ bed }) => {
    const victim = pod(bed, tuning);
    const dead = bed.container();
    bed.write(`/run/cni/tuning/${dead.containerID}_eth0.json`, '{"mtu":1234,"txQLen":5}');
    leadTo(bed, dead, victim.box);
    expect(bed.del("tuning", dead, tuning)).toSucceed();
    expect(victim.box.link("eth0")).toMatchObject({ mtu: 1400, txqlen: 1000 });
    expect(backups(bed)).toHaveLength(1);
  });
});

describe("backups of attachments whose names run together", () => {
  const env = { CNI_CONTAINERID: "a_b" };
  const other = { CNI_CONTAINERID: "a" };

  /** One container with links `c` and `b_c`, of which either may be tuned. */
  function twins(bed: Bed): Container {
    const box = bed.container();
    box.sh("ip link add c type bridge; ip link add b_c mtu 1450 type bridge");
    return box;
  }

  const config = { ...base, type: "tuning", mtu: 1400, prevResult: base };

  it("are two files", ({ bed }) => {
    const box = twins(bed);
    expect(bed.add("tuning", box, config, { env, ifName: "c" })).toSucceed();
    expect(bed.add("tuning", box, config, { env: other, ifName: "b_c" })).toSucceed();
    expect(backups(bed)).toHaveLength(2);
    expect(bed.del("tuning", box, config, { env, ifName: "c" })).toSucceed();
    expect(box.link("c").mtu).toBe(1500);
    expect(box.link("b_c").mtu).toBe(1400);
    expect(bed.del("tuning", box, config, { env: other, ifName: "b_c" })).toSucceed();
    expect(box.link("b_c").mtu).toBe(1450);
    expect(backups(bed)).toEqual([]);
  });

  it("have the reference's name where that can be one attachment's only", ({ bed }) => {
    const box = twins(bed);
    expect(bed.add("tuning", box, config, { env: other, ifName: "b_c" })).toSucceed();
    expect(backups(bed)).toEqual(["a_b_c.json"]);
  });

  it("are not taken for one another under the name that former versions gave", ({ bed }) => {
    const box = twins(bed);
    const former = { mtu: 1333, network: "net", containerID: "a_b", ifName: "c" };
    bed.host.sh("mkdir -p /run/cni/tuning");
    bed.write("/run/cni/tuning/a_b_c.json", JSON.stringify(former));
    const call = { env: other, ifName: "b_c" };
    expect(bed.del("tuning", box, config, call)).toSucceed();
    expect(box.link("b_c").mtu).toBe(1450);
    expect(bed.add("tuning", box, config, call)).toSucceed();
    expect(bed.read("/run/cni/tuning/a_b_c.json")).toBe(JSON.stringify(former));
    expect(bed.del("tuning", box, config, call)).toSucceed();
    expect(box.link("b_c").mtu).toBe(1450);
    expect(bed.del("tuning", box, config, { env, ifName: "c" })).toSucceed();
    expect(box.link("c").mtu).toBe(1333);
    expect(backups(bed)).toEqual([]);
  });

  it("are collected each for itself", ({ bed }) => {
    const box = twins(bed);
    expect(bed.add("tuning", box, config, { env, ifName: "c" })).toSucceed();
    expect(bed.add("tuning", box, config, { env: other, ifName: "b_c" })).toSucceed();
    const valid = [{ containerID: "a_b", ifname: "c" }];
    expect(bed.gc("tuning", { ...config, "cni.dev/valid-attachments": valid })).toSucceed();
    expect(backups(bed)).toHaveLength(1);
    expect(bed.del("tuning", box, config, { env, ifName: "c" })).toSucceed();
    expect(box.link("c").mtu).toBe(1500);
  });
});

const limit = { ingressRate: 8_000_000, ingressBurst: 800_000 };

describe("bandwidth", () => {
  const bandwidth: Config = { ...base, type: "bandwidth", ...limit };
  const limited = (bed: Bed) => /tbf/.test(bed.host.sh("tc qdisc show"));

  it("takes the limit of a pod back", ({ bed }) => {
    const victim = pod(bed, bandwidth);
    expect(limited(bed)).toBe(true);
    expect(bed.del("bandwidth", victim.box, bandwidth)).toSucceed();
    expect(limited(bed)).toBe(false);
  });

  it("leaves the limit of the pod to whose namespace a dead pod's path leads", ({ bed }) => {
    const dead = pod(bed, bandwidth);
    const victim = pod(bed, bandwidth);
    leadTo(bed, dead.box, victim.box);
    bed.host.until("[ $(ip -o link show type veth | wc -l) -eq 1 ]");
    const config = { ...bandwidth, prevResult: dead.prevResult };
    expect(bed.del("bandwidth", dead.box, config)).toSucceed();
    expect(limited(bed)).toBe(true);
  });
});

describe("bridge", () => {
  it("leaves the link of the pod to whose namespace a dead pod's path leads", ({ bed }) => {
    const dead = pod(bed, tuning);
    const victim = pod(bed, tuning);
    leadTo(bed, dead.box, victim.box);
    const config = { ...bridge, prevResult: dead.prevResult };
    expect(bed.del("bridge", dead.box, config)).toSucceed();
    expect(victim.box.links()).toContain("eth0");
    expect(bed.list("/var/lib/cni/networks/net")).not.toContain("10.1.2.2");
  });

  it("leaves a link that another suite made, if the result says that ours was another", ({
    bed,
  }) => {
    const dead = pod(bed, tuning);
    const victim = bed.container();
    bed.host.sh(`ip link add veth1234 type veth peer name eth0 netns ${victim.name}`);
    leadTo(bed, dead.box, victim);
    const config = { ...bridge, prevResult: dead.prevResult };
    expect(bed.del("bridge", dead.box, config)).toSucceed();
    expect(victim.links()).toContain("eth0");
  });

  it("takes such a link away if the result says that it is the pod's", ({ bed }) => {
    const box = bed.container();
    bed.host.sh(`ip link add veth1234 type veth peer name eth0 netns ${box.name}`);
    const interfaces = [{ name: "veth1234" }, { name: "eth0", sandbox: box.netns }];
    const prevResult = { cniVersion: "1.1.0", interfaces };
    expect(bed.del("bridge", box, { ...bridge, prevResult })).toSucceed();
    expect(box.links()).not.toContain("eth0");
  });
});
