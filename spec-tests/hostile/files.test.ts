/**
 * Damaged files: those in which the executables keep what they must know later, and those they are
 * told to read. Nobody gets an address that is another's, and repaired files are as good as before.
 */
import { lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { plugins } from "../bed/executables.ts";
import type { Config } from "../bed/invocation.ts";
import { someOf } from "../bed/part.ts";
import { itWorks, workingConfig } from "../bed/subjects.ts";
import { faultsOf, Target } from "../bed/target.ts";
import { withstand } from "../bed/withstand.ts";

/** What a file can become: bytes, or something that is no file. */
type Damage = readonly [what: string, make: (file: string, bed: Bed) => void];

function becomes(content: string | Uint8Array): Damage[1] {
  return (file) => writeFileSync(file, content);
}

const contents: readonly Damage[] = [
  ["empty", becomes("")],
  ["a line end", becomes("\n")],
  ["random bytes", becomes(Uint8Array.from({ length: 5000 }, (_, i) => (i * i * 7919) >> 5))],
  ["zeros", becomes(new Uint8Array(8192))],
  ["ones", becomes(new Uint8Array(8192).fill(0xff))],
  ["no UTF-8", becomes(Uint8Array.of(0x80, 0xff, 0xc0, 0xaf, 10))],
  ["other JSON", becomes('{"a":[null,{"__proto__":1}],"version":-1}')],
  ["null", becomes("null")],
  ["half of JSON", becomes('{"a":')],
  ["deep", becomes("[".repeat(100_000))],
  ["another's", becomes("other-id\r\neth0")],
  ["paths", becomes("../../../etc/passwd\r\n../x")],
  ["3 MB", becomes("x".repeat(3_000_000))],
];

const noFiles: readonly Damage[] = [
  ["a folder", (file) => mkdirSync(file)],
  ["a pipe", (file, bed) => bed.host.sh(`mkfifo "${file.slice(file.indexOf("/root/") + 5)}"`)],
  ["a link to itself", (file) => symlinkSync("itself", file)],
  ["a link to zeros", (file) => symlinkSync("/dev/zero", file)],
  ["a link to what is not its own", (file) => symlinkSync("/etc/passwd", file)],
];

const store = "/var/lib/cni/networks";

const all = [...contents, ...noFiles];

/** All files of the machine, but those of the bed, and of host-local's if it is another's test. */
function stateFiles(target: Target): readonly string[] {
  const found = target.bed.host.sh(
    "find /run /var/lib /tmp -type f -not -path '/run/bed/*' -not -path '/run/netns/*'",
  );
  const files = found.trim().split("\n").filter(Boolean);
  if (target.program === "host-local") return files;
  return files.filter(
    (file) => !/^(\/var\/lib\/cni\/networks|\/run\/weft\/host-local)\//.test(file),
  );
}

/** With as few addresses as are needed, so that each that is taken is come upon. */
function configOf({ program, config }: Target): Config {
  if (program !== "host-local") return config;
  const { ipam } = config as { readonly ipam: Config };
  return { ...config, ipam: { ...ipam, rangeEnd: "10.1.2.4" } };
}

/** Damages one file while an attachment is there, and tries everything. */
function damaged(target: Target, file: string, [what, make]: Damage): readonly string[] {
  const { bed } = target;
  const stdin = JSON.stringify({
    ...configOf(target),
    "cni.dev/valid-attachments": [
      { containerID: "other-id", ifname: "eth0" },
      { containerID: "hostile-id", ifname: "eth0" },
    ],
  });
  const own = target.run({ command: "ADD", stdin });
  const passedOn = addressesIn(JSON.stringify(workingConfig(target.program).prevResult ?? {}));
  // An address whose record names nobody is free again, as docs/plugins/host-local.md says.
  const taken = bed.list(`${store}/net`).filter((name) => basename(file) !== name);
  bed.host.sh("rm -rf /run/bed/saved; mkdir /run/bed/saved");
  bed.host.sh(`cp -a "${dirname(file)}" /run/bed/saved/folder`);
  rmSync(bed.path(file), { force: true });
  make(bed.path(file), bed);

  const prevResult = own.exitCode === 0 ? JSON.parse(own.stdout) : undefined;
  const known = JSON.stringify({ ...JSON.parse(stdin), prevResult });
  const third = { CNI_CONTAINERID: "third-id", CNI_IFNAME: "eth1" };
  const attempts = [
    ["CHECK", known, {}],
    ["STATUS", stdin, {}],
    ["ADD", stdin, third],
    ["DEL", stdin, third],
    ["GC", stdin, {}],
    ["DEL", known, {}],
  ] as const;
  const wrong = attempts.flatMap(([command, text, env]) => {
    const run = target.run({ command, stdin: text, env });
    const given = command === "ADD" ? addressesIn(run.stdout) : [];
    const twice = given.filter((each) => taken.includes(each) && !passedOn.includes(each));
    const lines = [...faultsOf(run, command), ...twice.map((a) => `gives ${a} a second time`)];
    return lines.map((line) => `${file} is ${what}: ${command}: ${line}`);
  });

  bed.host.sh(`rm -rf "${dirname(file)}" && mv /run/bed/saved/folder "${dirname(file)}"`);
  const after = [{ stdin: known }, { stdin, env: third }].flatMap((call) => {
    const run = target.run({ command: "DEL", ...call });
    return run.exitCode === 0 ? [] : [`${file} was ${what}: DEL: ${run.stdout}`];
  });
  return [...wrong, ...after];
}

/** The addresses of a result. */
function addressesIn(stdout: string): readonly string[] {
  try {
    const { ips = [] } = JSON.parse(stdout) as { ips?: readonly { address: string }[] };
    return ips.map(({ address }) => address.replace(/\/.*/, ""));
  } catch {
    return [];
  }
}

describe.each(plugins().map(({ name }) => name))("%s", (program) => {
  const it = itWorks(program);
  it("withstands damage to each file in which something is kept", () => {
    const target = new Target(program);
    const stdin = JSON.stringify(target.config);
    target.run({ command: "ADD", stdin });
    const files = stateFiles(target);
    target.run({ command: "DEL", stdin });
    const cases = files.flatMap((file) => all.map((damage) => ({ file, damage })));
    const some = someOf(cases, cases.length / 3);
    const wrong = some.flatMap(({ file, damage }) => damaged(target, file, damage));
    const left = target.leftovers();
    target.dispose();
    expect([...wrong, ...left]).toEqual([]);
  });
});

/** Executables that ask host-local for addresses, or are it. */
const withResolvConf = plugins()
  .map(({ name }) => name)
  .filter((name) => {
    const { ipam } = workingConfig(name, { type: name }) as { ipam?: { type?: string } };
    return ipam?.type === "host-local" && workingConfig(name).prevResult === undefined;
  });

describe.each(withResolvConf)("%s", (program) => {
  const it = itWorks(program);
  it("withstands a resolv.conf that is none", () => {
    const path = "/run/bed/attack/resolv.conf";
    const { ipam, ...config } = workingConfig(program);
    const stdin = JSON.stringify({ ...config, ipam: { ...Object(ipam), resolvConf: path } });
    const more: readonly Damage[] = [
      ["many servers", becomes("nameserver 192.0.2.1\n".repeat(20_000))],
      ["one long line", becomes(`search ${"example.test ".repeat(50_000)}\n`)],
      ["words without values", becomes("nameserver\nsearch\ndomain\noptions\n\0\n\u001b[2J")],
      ["servers that are none", becomes("nameserver x\nnameserver 1.2.3.4.5\nnameserver ::1%lo")],
    ];
    const attacks = [...all, ...more].map(([what, make]) => ({
      command: "ADD",
      what,
      stdin,
      prepare(bed: Bed) {
        const file = bed.path(path);
        if (lstatSync(file, { throwIfNoEntry: false })) rmSync(file, { recursive: true });
        make(file, bed);
      },
    }));
    expect(withstand(program, attacks)).toEqual([]);
  });
});
