/** tap: what ADD refuses, and that it leaves nothing then. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { it as anywhere } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";

const it = needs("tap");
const ipam = { type: "host-local", subnet: "10.1.2.0/24" };
const config: Config = { cniVersion: "1.1.0", name: "net", type: "tap", ipam };

function refusal(bed: Bed, more: Config, make = "true") {
  const box = bed.container();
  box.sh(make);
  const before = bed.snapshot();
  const run = bed.add("tap", box, { ...config, ...more });
  expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  return run.error;
}

describe("an ADD that is refused", () => {
  it.for([
    "ip link add eth0 type veth peer name other",
    "ip link add eth0 type bridge",
    "ip tuntap add mode tap name eth0",
    "ip tuntap add mode tun name eth0",
  ])("leaves a link that has the name: %s", (make, { bed }) => {
    const { code, msg } = refusal(bed, { owner: 107, group: 107 }, make);
    expect(code).toBe(103);
    expect(msg).toContain('"eth0"');
  });

  it.for([
    ["is not there", { bridge: "br1" }, 100, '"br1": there is no such link'],
    ["is no bridge", { bridge: "lo" }, 103, '"lo": it already exists but is not a bridge'],
    ["is the host's", { bridge: "uplink0" }, 100, '"uplink0": there is no such link'],
  ] as const)("names a bridge that %s", ([, more, code, word], { bed }) => {
    expect(refusal(bed, more)).toMatchObject({ code, msg: expect.stringContaining(word) });
  });

  anywhere.for([
    ["mtu", { mtu: 67 }],
    ["mtu", { mtu: 65522 }],
    ["mtu", { mtu: -1 }],
    ["mac", { mac: "02:00:00:00:00" }],
    ["mac", { mac: "01:00:00:00:00:01" }],
    ["owner", { owner: -1 }],
    ["owner", { owner: 4294967295 }],
    ["group", { group: "kvm" }],
    ["multiQueue", { multiQueue: 1 }],
    ["bridge", { bridge: "a name of more than fifteen" }],
    ["bridge", { bridge: "a/b" }],
    ["selinuxContext", { selinuxContext: "\n" }],
    ["selinuxContext", { selinuxContext: "a b" }],
  ] as const)("names %s, of %o", ([key, more], { bed }) => {
    expect(refusal(bed, more)).toMatchObject({ code: 7, msg: expect.stringContaining(key) });
  });

  it.for([
    ["no address is left", { subnet: "10.1.2.0/30", rangeStart: "10.1.2.1", rangeEnd: "10.1.2.1" }],
    [
      "a route cannot be",
      { subnet: "10.1.2.0/24", routes: [{ dst: "192.0.2.0/24", gw: "198.51.100.9" }] },
    ],
  ] as const)("leaves nothing where %s", ([, more], { bed }) => {
    const { code } = refusal(bed, { ipam: { type: "host-local", ...more } });
    expect([100, 105]).toContain(code);
  });

  it.for([3, 4, 5, 6])(
    "leaves nothing if it is killed at the ioctl with number %i",
    (n, { bed }) => {
      const box = bed.container();
      const before = bed.snapshot();
      const run = bed.add(
        "tap",
        box,
        { ...config, owner: 107, group: 107 },
        { fail: `ioctl:signal=KILL:when=${n}` },
      );
      expect(run.signal).toBe("SIGKILL");
      expect(bed.leftovers(before)).toEqual([]);
    },
  );
});

describe("/dev/net/tun", () => {
  const missing = [
    ["is missing", "true", "there is no such file"],
    ["is a symbolic link", "mv /tmp/tun /dev/net/tun2; ln -s tun2 /dev/net/tun", "symbolic link"],
    ["is another file", "touch /dev/net/tun", "not the kernel's"],
    ["is a directory", "mkdir /dev/net/tun", "EISDIR"],
    ["is a pipe", "mkfifo /dev/net/tun", "not the kernel's"],
  ] as const;

  it.for(missing)("that %s is named by ADD and STATUS", ([, make, word], { bed }) => {
    const box = bed.container();
    bed.host.sh(`
      python3 -c 'import os; os.mknod("/tmp/tun", 0o020666, os.makedev(10, 200))'
      mount -t tmpfs tmpfs /dev/net
      ${make}`);
    const before = bed.snapshot();
    const failed = bed.add("tap", box, config).error;
    expect(failed).toMatchObject({ code: 100, msg: expect.stringContaining(word) });
    expect(failed.msg).toContain("/dev/net/tun");
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
    const { error } = bed.status("tap", config);
    expect(error).toMatchObject({ code: 50, msg: expect.stringContaining(word) });
    expect(bed.del("tap", box, config)).toSucceed();
  });

  it.for(["EPERM", "EACCES", "ENODEV", "ENXIO"])(
    "that is refused with %s is named",
    (errno, { bed }) => {
      const box = bed.container();
      const inject = ["-e", "trace=openat", "-e", `inject=openat:error=${errno}`];
      const as = ["strace", "-qq", "-o", "/dev/null", "-P", "/dev/net/tun", ...inject];
      const added = bed.add("tap", box, config, { as });
      const asked = bed.status("tap", config, { as });
      for (const { error } of [added, asked]) {
        expect(error.msg).toMatch(/"\/dev\/net\/tun" cannot be used: .*(cgroup|mode|modprobe tun)/);
      }
      expect([added.error.code, asked.error.code]).toEqual([100, 50]);
      expect(box.links()).toEqual(["lo"]);
    },
  );
});
