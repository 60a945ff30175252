/** The tuning plugin: what it changes, that DEL makes it what it was, and what it refuses. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";

const base = { cniVersion: "1.1.0", name: "net" };
const bridge = {
  ...base,
  type: "bridge",
  bridge: "br0",
  ipam: { type: "host-local", subnet: "10.1.2.0/24" },
};
const tuning = (more: Config): Config => ({ ...base, type: "tuning", ...more });

interface Scene {
  readonly box: Container;
  readonly prevResult: Config;
}

function attached(bed: Bed): Scene {
  const box = bed.container();
  const prevResult = bed.add("bridge", box, bridge).result as unknown as Config;
  return { box, prevResult };
}

const arpFilter = (box: Container) => box.sysctl("net/ipv4/conf/eth0/arp_filter");

describe("ADD", () => {
  it("sets sysctls by either spelling, and for the interface by IFNAME", ({ bed }) => {
    const { box, prevResult } = attached(bed);
    const sysctl = {
      "net.ipv4.conf.IFNAME.arp_filter": "1",
      "net/ipv4/conf/eth0/arp_ignore": "2",
      "net.ipv4.ip_local_port_range": "2000 3000",
    };
    const config = tuning({ sysctl, prevResult });
    expect(bed.add("tuning", box, config).result).toEqual(prevResult);
    expect(arpFilter(box)).toBe("1");
    expect(box.sysctl("net/ipv4/conf/eth0/arp_ignore")).toBe("2");
    expect(box.sysctl("net/ipv4/ip_local_port_range")).toBe("2000\t3000");
    expect(bed.check("tuning", box, config)).toMatchObject({ exitCode: 0, stdout: "" });
  });

  it("P13.11 sets what can be set of the link, and says so in the result", ({ bed }) => {
    const { box, prevResult } = attached(bed);
    const link = { mac: "0A:58:0A:01:02:03", mtu: 1400, promisc: true, allmulti: true, txQLen: 77 };
    const config = tuning({ ...link, prevResult });
    const { interfaces } = bed.add("tuning", box, config).result;
    expect(interfaces[2]).toMatchObject({ name: "eth0", mac: "0a:58:0a:01:02:03", mtu: 1400 });
    expect(box.link("eth0")).toMatchObject({
      address: "0a:58:0a:01:02:03",
      mtu: 1400,
      promiscuity: 1,
      allmulti: 1,
      txqlen: 77,
    });
    expect(bed.check("tuning", box, config)).toMatchObject({ exitCode: 0, stdout: "" });
  });

  it("takes the hardware address of the runtime before all others", ({ bed }) => {
    const { box, prevResult } = attached(bed);
    const config = tuning({ mac: "02:00:00:00:00:01", prevResult });
    const args = "MAC=02:00:00:00:00:02;IgnoreUnknown=1";
    bed.add("tuning", box, config, { args }).result;
    expect(box.link("eth0").address).toBe("02:00:00:00:00:02");
    const runtimeConfig = { mac: "02:00:00:00:00:03" };
    bed.add("tuning", box, { ...config, runtimeConfig }, { args }).result;
    expect(box.link("eth0").address).toBe("02:00:00:00:00:03");
    const byArgs = { ...config, runtimeConfig, args: { cni: { mac: "02:00:00:00:00:04" } } };
    bed.add("tuning", box, byArgs, { args }).result;
    expect(box.link("eth0").address).toBe("02:00:00:00:00:04");
  });
});

describe("DEL", () => {
  const everything = {
    sysctl: { "net.ipv4.conf.IFNAME.arp_filter": "1", "net.ipv4.ip_default_ttl": "33" },
    mac: "02:00:00:00:00:01",
    mtu: 1400,
    promisc: true,
    allmulti: true,
    txQLen: 77,
  };

  it.for([["once"], ["after a second ADD"]] as const)(
    "makes everything what it was, %s",
    ([when], { bed }) => {
      const { box, prevResult } = attached(bed);
      const before = bed.snapshot();
      const config = tuning({ ...everything, prevResult });
      bed.add("tuning", box, config).result;
      if (when !== "once") bed.add("tuning", box, { ...config, mtu: 1300 }).result;
      expect(bed.leftovers(before)).not.toEqual([]);
      for (const _ of ["once", "twice"]) {
        expect(bed.del("tuning", box, tuning(everything))).toMatchObject({
          exitCode: 0,
          stdout: "",
        });
      }
      const folder = /folder \/run\/cni/;
      expect(bed.leftovers(before).filter((line) => !folder.test(line))).toEqual([]);
      expect(box.sysctl("net/ipv4/ip_default_ttl")).toBe("64");
    },
  );

  it("needs no namespace", ({ bed }) => {
    const { box, prevResult } = attached(bed);
    bed.add("tuning", box, tuning({ ...everything, prevResult })).result;
    const run = bed.del("tuning", box, tuning({}), { env: { CNI_NETNS: undefined } });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.list("/run/cni/tuning")).toEqual([]);
  });

  it("tries once more what the kernel refuses to restore, and then gives it up", ({ bed }) => {
    const { box, prevResult } = attached(bed);
    bed.add("tuning", box, tuning({ ...everything, prevResult })).result;
    const backup = `/run/cni/tuning/${box.containerID}_eth0.json`;
    bed.write(backup, bed.read(backup).replace(/"64"/, '"never"'));

    const [first, second] = [1, 2].map(() => bed.del("tuning", box, tuning(everything)));
    expect(first?.error.msg).toContain("net/ipv4/ip_default_ttl");
    expect(box.link("eth0").mtu).toBe(1500);
    expect(second).toMatchObject({ exitCode: 0, stdout: "" });
    expect(second?.stderr).toContain("net/ipv4/ip_default_ttl");
    expect(bed.list("/run/cni/tuning")).toEqual([]);
  });

  it("P15.05 restores what the reference plugin has changed, and removes its backup", ({ bed }) => {
    const { box, prevResult } = attached(bed);
    const before = bed.snapshot();
    const { sysctl: _, ...link } = everything;
    const config = tuning({ ...link, cniVersion: "1.0.0" });
    const theirs = { ...config, prevResult: { ...prevResult, cniVersion: "1.0.0" } };
    expect(bed.add("tuning", box, theirs, { from: "/usr/lib/cni" })).toSucceed();
    expect(bed.del("tuning", box, config).exitCode).toBe(0);
    const folder = /folder \/run\/cni/;
    expect(bed.leftovers(before).filter((line) => !folder.test(line))).toEqual([]);
  });
});

describe("a sysctl that a container's namespace does not let anybody set", () => {
  const folder = /folder \/run\/cni/;

  it.for([
    ["that is read-only there", "net.ipv4.tcp_available_congestion_control", /read-only in a cont/],
    ["that holds a count", "net.netfilter.nf_conntrack_count", /read-only in a container's name/],
    ["that can only be written", "net.ipv4.route.flush", /cannot be read/],
    ["that the host alone has", "net.core.netdev_budget", /the host has it, a container/],
    ["that nobody has", "net.core.nonsense", /ENOENT/],
  ] as const)(
    "%s, is told by ADD, which changes nothing, and DEL succeeds",
    ([, name, why], { bed }) => {
      const { box, prevResult } = attached(bed);
      const before = bed.snapshot();
      const value = name.endsWith("flush") ? "1" : "reno";
      const sysctl = {
        "net.core.somaxconn": "500",
        [name]: value,
        "net.ipv4.ip_default_ttl": "33",
      };
      const config = tuning({ sysctl, mtu: 1400, prevResult });
      const { error } = runFromMachine(bed, box, config);
      expect(error.msg).toContain(name.replaceAll(".", "/"));
      expect(error.msg).toMatch(why);
      expect(bed.leftovers(before).filter((line) => !folder.test(line))).toEqual([]);
      expect(bed.del("tuning", box, config)).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
    },
  );

  it("as reports have it: net.core.rmem_max", ({ bed }) => {
    const { box, prevResult } = attached(bed);
    const before = bed.snapshot();
    const sysctl = { "net.core.somaxconn": "500", "net.core.rmem_max": "212993" };
    const config = tuning({ sysctl, prevResult });
    const isThere = box.succeeds("test -e /proc/sys/net/core/rmem_max");
    const { error } = runFromMachine(bed, box, config);
    expect(error.msg).toContain(
      isThere ? "it is read-only in a container's namespace" : "a container's namespace has not",
    );
    expect(bed.leftovers(before).filter((line) => !folder.test(line))).toEqual([]);
    expect(bed.list("/run/cni/tuning")).toEqual([]);
    expect(bed.del("tuning", box, config)).toMatchObject({ exitCode: 0, stdout: "" });
  });

  it("does not keep DEL from restoring the rest if an earlier version left it in a backup", ({
    bed,
  }) => {
    const { box, prevResult } = attached(bed);
    const name = "net/ipv4/tcp_available_congestion_control";
    const sysctl = { "net.core.somaxconn": "500" };
    bed.add("tuning", box, tuning({ sysctl, prevResult })).result;
    const backup = `/run/cni/tuning/${box.containerID}_eth0.json`;
    const kept = JSON.parse(bed.read(backup)) as { sysctl: Config };
    kept.sysctl = { ...kept.sysctl, [name]: box.sysctl(name) };
    bed.write(backup, JSON.stringify(kept));
    expect(bed.del("tuning", box, tuning({}))).toMatchObject({ exitCode: 0, stdout: "" });
    expect(box.sysctl("net/core/somaxconn")).not.toBe("500");
  });
});

/** An ADD with the machine's own namespace as the host's: only the kernel's first has everything. */
function runFromMachine(bed: Bed, box: Container, config: Config) {
  const { containerID, netns, ifName } = box;
  const env = `CNI_COMMAND=ADD CNI_CONTAINERID=${containerID} CNI_NETNS=${netns} CNI_IFNAME=${ifName}`;
  const file = `${bed.folder("machine")}/net.conf`;
  bed.write(file, JSON.stringify(config));
  const command = `nsenter --net=/proc/${process.pid}/ns/net env ${env} ${bed.bin}/tuning <${file}`;
  return { error: JSON.parse(bed.host.sh(`${command} || true`)) as { readonly msg: string } };
}

describe("what a failing ADD has not changed", () => {
  it("stays as the container has set it meanwhile, also if its backup had to stay", ({ bed }) => {
    const { box, prevResult } = attached(bed);
    const sysctl = {
      "net.ipv4.conf.IFNAME.arp_filter": "1",
      "net.ipv4.ip_local_port_range": "9 x",
      "net.ipv4.ip_default_ttl": "33",
    };
    const config = tuning({ sysctl, mtu: 1400, prevResult });
    // The second write fails, and then the first one's restoration.
    const fail = ["write:error=EINVAL:when=3..4"];
    expect(bed.add("tuning", box, config, { fail }).ok).toBe(false);
    const [name = ""] = bed.list("/run/cni/tuning");
    const kept = JSON.parse(bed.read(`/run/cni/tuning/${name}`)) as {
      sysctl: Config;
      mtu?: number;
    };
    expect(Object.keys(kept.sysctl)).not.toContain("net/ipv4/ip_default_ttl");
    expect(kept.mtu).toBeUndefined();
    box.sh("sysctl -qw net.ipv4.ip_default_ttl=77");
    expect(bed.del("tuning", box, config)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(arpFilter(box)).toBe("0");
    expect(box.sysctl("net/ipv4/ip_default_ttl")).toBe("77");
    expect(bed.list("/run/cni/tuning")).toEqual([]);
  });

  it("an attribute that the kernel refuses is not restored, what was set before it is", ({
    bed,
  }) => {
    const { box, prevResult } = attached(bed);
    const before = bed.snapshot();
    const sysctl = { "net.ipv4.conf.IFNAME.arp_filter": "1" };
    const config = tuning({ sysctl, mac: "02:00:00:00:00:01", mtu: 10, prevResult });
    expect(bed.add("tuning", box, config).error.code).toBe(100);
    expect(bed.del("tuning", box, config)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before).filter((line) => !/folder \/run\/cni/.test(line))).toEqual([]);
  });
});

describe("GC", () => {
  it("removes the backups of attachments that are gone", ({ bed }) => {
    const [kept, gone] = [attached(bed), attached(bed)];
    for (const { box, prevResult } of [kept, gone]) {
      bed.add("tuning", box, tuning({ mtu: 1400, prevResult })).result;
    }
    const valid = [{ containerID: kept.box.containerID, ifname: "eth0" }];
    bed.gc("tuning", tuning({ "cni.dev/valid-attachments": valid }));
    expect(bed.list("/run/cni/tuning")).toEqual([`${kept.box.containerID}_eth0.json`]);
  });
});

describe("CHECK finds", () => {
  it.for([
    ["a sysctl", "echo 0 >/proc/sys/net/ipv4/conf/eth0/arp_filter"],
    ["the hardware address", "ip link set eth0 address 02:00:00:00:00:09"],
    ["the MTU", "ip link set eth0 mtu 1399"],
    ["promiscuity", "ip link set eth0 promisc off"],
  ] as const)("that %s was changed", ([, damage], { bed }) => {
    const { box, prevResult } = attached(bed);
    const config = tuning({
      sysctl: { "net.ipv4.conf.eth0.arp_filter": "1" },
      mac: "02:00:00:00:00:01",
      mtu: 1400,
      promisc: true,
      prevResult,
    });
    bed.add("tuning", box, config).result;
    expect(bed.check("tuning", box, config).exitCode).toBe(0);
    box.sh(damage);
    expect(bed.check("tuning", box, config).error.code).toBe(104);
  });
});

describe("the allow-list", () => {
  it.for([
    ["allows what a whole line matches", "net\\.ipv4\\.conf\\.IFNAME\\.arp_filter", true],
    ["allows what a pattern matches", "net\\.ipv4\\..*", true],
    ["refuses what it matches in part", "arp_filter", false],
    ["refuses all if it is empty", "", false],
    ["is refused itself if it is no pattern", "(", false],
  ] as const)("%s", ([, line, isAllowed], { bed }) => {
    const { box, prevResult } = attached(bed);
    bed.host.sh("mkdir -p /run/etc && mount --bind /run/etc /etc && mkdir -p /etc/cni/tuning");
    bed.host.sh(`printf '%s\\n' '${line}' >/etc/cni/tuning/allowlist.conf`);
    const sysctl = { "net.ipv4.conf.IFNAME.arp_filter": "1" };
    const run = bed.add("tuning", box, tuning({ sysctl, prevResult }));
    expect(run.ok).toBe(isAllowed);
    if (!run.ok) expect(run.error.code).toBe(7);
    expect(arpFilter(box)).toBe(isAllowed ? "1" : "0");
  });
});

describe("bad input", () => {
  const wrong: readonly (readonly [string, Config, number])[] = [
    ["a sysctl outside net", { sysctl: { "kernel.hostname": "x" } }, 7],
    ["a way out of net", { sysctl: { "net/../kernel/hostname": "x" } }, 7],
    ["the same by dots", { sysctl: { "net....kernel.hostname": "x" } }, 7],
    ["an absolute path", { sysctl: { "/etc/passwd": "x" } }, 7],
    ["an empty part", { sysctl: { "net//ipv4": "x" } }, 7],
    ["no name", { sysctl: { "": "x" } }, 7],
    ["a value that is a number", { sysctl: { "net.ipv4.ip_default_ttl": 1 } }, 7],
    ["a sysctl that is not there", { sysctl: { "net.ipv4.nonsense": "1" } }, 101],
    ["a value the kernel refuses", { sysctl: { "net.ipv4.ip_default_ttl": "x" } }, 101],
    ["no hardware address", { mac: "fish" }, 7],
    ["a group's address", { mac: "01:00:5e:00:00:01" }, 7],
    ["a negative MTU", { mtu: -1 }, 7],
    ["an MTU the kernel refuses", { mtu: 10 }, 100],
  ];
  it.for(wrong)("%s changes nothing", ([, more, code], { bed }) => {
    const { box, prevResult } = attached(bed);
    const before = bed.snapshot();
    const sysctl = { "net.ipv4.conf.eth0.arp_filter": "1", ...(more.sysctl as object) };
    const config = tuning({ ...more, sysctl, prevResult });
    expect(bed.add("tuning", box, config).error.code).toBe(code);
    const folder = /folder \/run\/cni/;
    expect(bed.leftovers(before).filter((line) => !folder.test(line))).toEqual([]);
  });

  it.for([
    ["kernel.hostname", 'only names that begin with "net." can be set'],
    ["net", 'only names that begin with "net." can be set'],
    ["net.ipv4.conf.*.arp_filter", "its parts are made of letters, digits and _ . : @ -"],
  ] as const)("the sysctl %s is named with the rule that it breaks", ([name, rule], { bed }) => {
    const { box, prevResult } = attached(bed);
    const { error } = bed.add("tuning", box, tuning({ sysctl: { [name]: "1" }, prevResult }));
    expect(error.msg).toContain(`invalid net sysctl key: "${name}": ${rule}`);
  });

  it("P2.10 a name that is there twice is refused", ({ bed }) => {
    const { box, prevResult } = attached(bed);
    const text = JSON.stringify(tuning({ sysctl: { "net.a.b": "1" }, prevResult }));
    const stdin = text.replace(
      '"net.a.b":"1"',
      '"net.ipv4.ip_default_ttl":"1","net.ipv4.ip_default_ttl":"2"',
    );
    const run = bed.add("tuning", box, {}, { stdin });
    expect(run.error.code).toBe(7);
    expect(run.error.msg).toContain("duplicated sysctl keys");
  });
});
