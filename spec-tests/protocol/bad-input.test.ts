/** Bad input: one clear error of the right code, exit code 1, and the machine as before. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { bridge, bridgeWith, masqueraded } from "../bed/configs.ts";
import type { Container } from "../bed/container.ts";
import { type Shared, sharedBy } from "../bed/difference.ts";
import type { Invocation } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { kernelHas } from "../bed/kernel.ts";

const config = masqueraded("10.1.2.0/24");
const shared = sharedBy(config);
const store = "/var/lib/cni/networks";

/** A code, or the least code of a plugin's own errors. */
type Code = number | "own";

interface Refusal {
  readonly code: Code;
  /** What the message or the details say. */
  readonly words: string;
  /** What may have been made for all attachments before the refusal. */
  readonly shared?: Shared;
}

function expectRefusal(bed: Bed, call: Invocation, { code, words, shared }: Refusal): void {
  const before = bed.snapshot();
  const run = bed.exec("bridge", { command: "ADD", ...call });

  expect(run.exitCode).toBe(1);
  expect(run.stderr).not.toMatch(/^\s+at /m);
  const { error } = run;
  if (code === "own") expect(error.code).toBeGreaterThanOrEqual(100);
  else expect(error.code).toBe(code);
  expect(error.code).not.toBe(999);
  expect(`${error.msg}\n${error.details}`).toContain(words);
  expect(error.msg).not.toContain("\n");
  expect(bed.leftovers(before, shared)).toEqual([]);
}

const mebibyte = 1024 * 1024;
const valid = JSON.stringify(config);

const inputs: readonly (readonly [string, string | Uint8Array, Code, string])[] = [
  ["nothing", "", 6, ""],
  ["1 MiB of blanks", " ".repeat(mebibyte), 6, ""],
  ["1 MiB of one string without an end", `{"name":"${"x".repeat(mebibyte)}`, 6, ""],
  ["1 MiB of opening brackets", "[".repeat(mebibyte), 6, ""],
  ["1 MiB of opening braces", '{"a":'.repeat(mebibyte / 5), 6, ""],
  [
    "1 MiB of nesting, well closed",
    `${"[".repeat(mebibyte / 2)}${"]".repeat(mebibyte / 2)}`,
    6,
    "",
  ],
  ["a name of 1 MiB", JSON.stringify({ ...config, name: "%".repeat(mebibyte) }), 7, "name"],
  [
    "bytes that are no UTF-8",
    Buffer.from(valid.replace('"net"', '"n\xfft"'), "latin1"),
    6,
    "UTF-8",
  ],
  ["UTF-16", Buffer.from(valid, "utf16le"), 6, ""],
  ["10 MiB", `${" ".repeat(10 * mebibyte)}${valid}`, 5, "EFBIG"],
  ["a NUL in a text", valid.replace('"br0"', '"br\\u0000"'), 7, "NUL"],
  ["a network name of 256 letters", valid.replace('"net"', `"${"a".repeat(256)}"`), 7, "255"],
  ["a version of 1 MiB", valid.replace("1.1.0", "1.".repeat(mebibyte / 2)), 6, "cniVersion"],
  ["a zero byte", `${valid}\0`, 6, ""],
  ["a number", "17", 6, ""],
  ["a list", "[]", 6, ""],
  ["an object and more", `${valid}${valid}`, 6, ""],
  ["a bridge that is a number", JSON.stringify({ ...config, bridge: 7 }), 7, "bridge"],
  ["P2.09 an MTU that is a string", JSON.stringify({ ...config, mtu: "1400" }), 7, "mtu"],
  ["a flag that is a string", JSON.stringify({ ...config, isGateway: "yes" }), 7, "isGateway"],
  ["an address manager that is a list", JSON.stringify({ ...config, ipam: [] }), 7, "ipam"],
  ["a VLAN out of range", JSON.stringify({ ...config, vlan: 4095 }), 7, "vlan"],
  [
    "a trunk without an end",
    JSON.stringify({ ...config, vlanTrunk: [{ minID: 5 }] }),
    7,
    "vlanTrunk",
  ],
  [
    "an unknown masquerade backend",
    JSON.stringify({ ...config, ipMasqBackend: "x" }),
    7,
    "ipMasqBackend",
  ],
];

/** What people's editors and habits make of JSON. */
const slips: readonly (readonly [string, string | Uint8Array, string])[] = [
  ["nothing", "", "it is empty, but a network configuration is expected"],
  ["a line's end", "\n", "it is empty"],
  ["a byte order mark", `\ufeff${valid}`, "line 1, column 1: a byte order mark (BOM)"],
  ["a comment", valid.replace("{", "{\n  // a bridge\n  "), "line 2, column 3: a comment"],
  [
    "a trailing comma",
    valid.replace(/}$/, ",\n}"),
    `line 1, column ${valid.length}: a comma before }`,
  ],
  ["single quotes", valid.replaceAll('"', "'"), "line 1, column 2: a single quotation mark"],
  [
    "quotes of a word processor",
    valid.replaceAll('"', "\u201d"),
    "line 1, column 2: the quotation mark \u201d",
  ],
  [
    "no comma",
    valid.replace(',"name"', '\n"name"'),
    'line 1, column 22: a comma is missing before "name"',
  ],
  [
    "the last brace cut off",
    valid.slice(0, -1),
    `line 1, column ${valid.length}: the text ends here, but the { of line 1, column 1 is not`,
  ],
  ["a brace too many", `${valid}\n}`, "line 2, column 1: there is more after the end"],
  ["a word of Python", valid.replace("true", "True"), "True: JSON writes true"],
  ["UTF-16 with a mark", Buffer.from(`\ufeff${valid}`, "utf16le"), "it is UTF-16"],
  ["UTF-16 without one", Buffer.from(valid, "utf16le"), "line 1, column 2: a NUL character"],
  [
    "Latin-1",
    Buffer.from(valid.replace('"net"', '"n\xfft"'), "latin1"),
    "line 1: it is not UTF-8, byte 32 is 0xff",
  ],
  ["a bottomless pit", "[".repeat(mebibyte), "it is nested too deeply"],
  ["a tab in a text", valid.replace('"net"', '"n\tt"'), "a tab within a text"],
  ["a long list", `[${"1,".repeat(mebibyte - 10)}]`, "somewhere behind this place"],
];

describe("a bad standard input", () => {
  it.for(inputs)("%s", ([, stdin, code, words], { bed }) => {
    expectRefusal(bed, { container: bed.container(), stdin }, { code, words });
  });

  it.for(slips)("%s: what is wrong, and where, is in the message", ([, stdin, words], { bed }) => {
    expectRefusal(bed, { container: bed.container(), stdin }, { code: 6, words });
  });

  it("the JSON path, what was expected and what was found are in the message", ({ bed }) => {
    const ranges = [[{ subnet: "10.1.0/16" }]];
    const call = { container: bed.container(), config: bridgeWith({ type: "host-local", ranges }) };
    expectRefusal(bed, call, { code: 7, words: "ipam.ranges[0][0].subnet", shared });
    const run = bed.exec("host-local", { command: "ADD", ...call });
    expect(run.error.msg).toMatch(/CIDR.*"10\.1\.0\/16"/);
  });

  it("P2.09 null is the same as absent", ({ bed }) => {
    const nulls = {
      mtu: null,
      vlan: null,
      hairpinMode: null,
      dns: null,
      args: null,
      prevResult: null,
    };
    const run = bed.add("bridge", bed.container(), { ...config, ...nulls });
    expect(run).toSucceed();
  });

  it("deep nesting in a part that nobody reads is no error", ({ bed }) => {
    const deep = `${"[".repeat(500)}${"]".repeat(500)}`;
    const stdin = valid.replace(/}$/, `,"x":${deep}}`);
    expect(bed.add("bridge", bed.container(), config, { stdin })).toSucceed();
  });
});

const environments: readonly (readonly [string, Invocation, Code, string])[] = [
  ["no container id", { env: { CNI_CONTAINERID: undefined } }, 4, "CNI_CONTAINERID"],
  ["no namespace", { env: { CNI_NETNS: undefined } }, 4, "CNI_NETNS"],
  ["no interface name", { env: { CNI_IFNAME: undefined } }, 4, "CNI_IFNAME"],
  ["no path to delegate along", { env: { CNI_PATH: undefined } }, 4, "CNI_PATH"],
  ["a malformed container id", { env: { CNI_CONTAINERID: "../x" } }, 4, "CNI_CONTAINERID"],
  ["a container id of 256 letters", { env: { CNI_CONTAINERID: "a".repeat(256) } }, 4, "255"],
  ["a malformed interface name", { ifName: "a/b" }, 4, "CNI_IFNAME"],
  ["malformed arguments", { args: ";;=" }, 4, "CNI_ARGS"],
  ["an unknown command", { command: "FROB" }, 4, "FROB"],
  ["a namespace that is a plain file", { env: { CNI_NETNS: "/etc/passwd" } }, 4, "/etc/passwd"],
  ["a namespace that is a pipe", { env: { CNI_NETNS: "/run/bed/pipe" } }, 4, "/run/bed/pipe"],
  ["a namespace that is a folder", { env: { CNI_NETNS: "/run" } }, 4, "/run"],
  ["a namespace that is missing", { env: { CNI_NETNS: "/run/netns/no" } }, 4, "/run/netns/no"],
  [
    "a namespace of another kind",
    { env: { CNI_NETNS: "/proc/self/ns/uts" } },
    4,
    "/proc/self/ns/uts",
  ],
  ["the host's own namespace", { env: { CNI_NETNS: "/proc/self/ns/net" } }, 8, "/proc/self/ns/net"],
];

describe("a bad environment", () => {
  it.for(environments)("%s", ([, call, code, words], { bed }) => {
    const container = bed.container();
    bed.host.sh("mkfifo /run/bed/pipe");
    expectRefusal(bed, { container, config, ...call }, { code, words });
  });
});

/** A machine on which the work cannot be done. */
const machines: readonly (readonly [
  string,
  (bed: Bed, box: Container) => Invocation,
  Code,
  string,
])[] = [
  ["a full disk", fullDisk, "own", "ENOSPC"],
  ["a disk without room for another file", noInodes, "own", "ENOSPC"],
  ["a read-only store", readOnlyStore, "own", "EROFS"],
  ["a store that is a file", storeIsFile, "own", store],
  ["an interface of that name", interfaceTaken, "own", "eth0"],
  ["no free address", poolExhausted, "own", "10.1.2"],
  ["a bridge that is none", bridgeIsNone, "own", "br0"],
];

describe("a machine that does not play along", () => {
  it.for(machines)("%s", ([, prepare, code, words], { bed }) => {
    const box = bed.container();
    const call = prepare(bed, box);
    expectRefusal(bed, { container: box, config, ...call }, { code, words, shared });
  });

  it("P3.09 a lock that another process holds: code 11, and who holds it", ({ bed }) => {
    bed.add("bridge", bed.container(), config).result;
    const holder = `flock --no-fork ${store}/net/lock sleep 1000`;
    const pid = Number(bed.host.sh(`${holder} >/dev/null 2>&1 & echo $!`));
    bed.host.until(`! flock --nonblock ${store}/net/lock true`);
    try {
      expectRefusal(bed, { container: bed.container(), config }, { code: 11, words: `${pid}` });
    } finally {
      process.kill(pid, "SIGKILL");
    }
  });

  it("a kernel without bridge VLAN filtering is named", ({ bed }) => {
    const tagged = bridge("10.1.2.0/24", { vlan: 5 });
    const box = bed.container();
    if (kernelHas("bridge VLAN filtering")) {
      expect(bed.add("bridge", box, tagged)).toSucceed();
      return;
    }
    expectRefusal(
      bed,
      { container: box, config: tagged },
      { code: "own", words: "VLAN filtering" },
    );
  });
});

describe("an IPv6 address that a link cannot have", () => {
  const ranges = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]];
  const dual = bridgeWith({ type: "host-local", ranges });
  const makeBridge = (bed: Bed, more: string) =>
    bed.host.sh(`ip link add br0 type bridge && ip link set br0 up ${more}`);

  it("is blamed on the MTU of the container's link", ({ bed }) => {
    const box = bed.container();
    const words = `to "eth0": the MTU of "eth0" is 1230, and IPv6 takes at least 1280`;
    const config = { ...dual, isGateway: false, mtu: 1230 };
    expectRefusal(bed, { container: box, config }, { code: 100, words, shared: sharedBy(config) });
    expect(bed.add("bridge", box, { ...config, mtu: 1280 })).toSucceed();
  });

  it("is blamed on the MTU of the bridge", ({ bed }) => {
    makeBridge(bed, "mtu 1279");
    const words = 'fd00:1::1/64 to "br0": the MTU of "br0" is 1279, and IPv6 takes at least 1280';
    expectRefusal(
      bed,
      { container: bed.container(), config: dual },
      { code: 100, words, shared: sharedBy(dual) },
    );
  });

  it("is blamed on the sysctl that switches IPv6 off on the bridge", ({ bed }) => {
    makeBridge(bed, "");
    bed.host.sh("sysctl -qw net.ipv6.conf.br0.disable_ipv6=1");
    const words = 'IPv6 is switched off on "br0" (sysctl net/ipv6/conf/br0/disable_ipv6 is 1)';
    expectRefusal(
      bed,
      { container: bed.container(), config: dual },
      { code: 100, words, shared: sharedBy(dual) },
    );
  });

  it("is not blamed on the kernel where only files of /proc are missing", ({ bed }) => {
    bed.host.sh("mount -t tmpfs none /proc/sys/net");
    const config = { ...dual, isGateway: false };
    const words = 'Cannot add address fd00:1::2 to "eth0": "eth0" has no sysctls of IPv6';
    expectRefusal(
      bed,
      { container: bed.container(), config },
      { code: 100, words, shared: sharedBy(config) },
    );
  });
});

function onSmallDisk(bed: Bed, options: string, fill: string): Invocation {
  bed.host.sh(
    `mkdir -p ${store} && mount -t tmpfs -o ${options} small ${store} && mkdir ${store}/net`,
  );
  bed.host.sh(`cd ${store}/net && touch lock last_reserved_ip.0 && ${fill}`);
  return {};
}

function fullDisk(bed: Bed): Invocation {
  return onSmallDisk(bed, "size=16k", "cat /dev/zero >../filler 2>/dev/null; true");
}

function noInodes(bed: Bed): Invocation {
  return onSmallDisk(bed, "nr_inodes=6", "touch ../a ../b ../c ../d 2>/dev/null; true");
}

function readOnlyStore(bed: Bed): Invocation {
  bed.host.sh(`mkdir -p ${store} && mount -t tmpfs -o ro none ${store}`);
  return {};
}

function storeIsFile(bed: Bed): Invocation {
  bed.host.sh(`mkdir -p ${store} && touch ${store}/net`);
  return {};
}

function interfaceTaken(_: Bed, box: Container): Invocation {
  box.sh("ip link add eth0 type veth peer name other");
  return {};
}

function poolExhausted(bed: Bed): Invocation {
  const small = masqueraded("10.1.2.0/30");
  bed.add("bridge", bed.container(), small).result;
  return { config: small };
}

function bridgeIsNone(bed: Bed): Invocation {
  bed.host.sh("ip link add br0 type veth peer name other");
  return {};
}
