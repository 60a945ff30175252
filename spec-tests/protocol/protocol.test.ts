/** P1 to P4: what every executable in the folder must do, whatever its work is. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { sharedBy } from "../bed/difference.ts";
import { plugins } from "../bed/executables.ts";
import type { Invocation } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import type { Outcome } from "../bed/outcome.ts";
import { itWorks, workingConfig } from "../bed/subjects.ts";

const attachmentCommands = ["ADD", "CHECK", "DEL"] as const;
const allButVersion = ["ADD", "CHECK", "DEL", "GC", "STATUS"] as const;

/** What the reference suite has as well, under whose version tools know it. */
const ofReference = [
  ...["bridge", "dummy", "host-device", "ipvlan", "loopback", "macvlan", "ptp", "tap", "vlan"],
  ...["bandwidth", "firewall", "flannel", "portmap", "sbr", "tuning", "vrf"],
  ...["dhcp", "host-local", "static"],
];

describe.each(plugins())("$name", ({ name, version }) => {
  const config = workingConfig(name);
  const works = itWorks(name);

  /** An ordinary call with a new container, unless `call` says otherwise. */
  function ask(bed: Bed, command: string | undefined, call: Invocation = {}): Outcome {
    const common = command === undefined ? {} : { command };
    return bed.exec(name, { ...common, container: bed.container(), config, ...call });
  }

  describe("P1 environment", () => {
    it("P1.01 P3.01 a refusal is exit code 1 and one JSON object on stdout", ({ bed }) => {
      const run = ask(bed, "ADD", { stdin: "{" });
      expect(run.exitCode).toBe(1);
      expect(run.error).toEqual({
        cniVersion: expect.any(String),
        code: expect.any(Number),
        msg: expect.any(String),
        ...(run.error.details === undefined ? {} : { details: expect.any(String) }),
      });
    });

    it.for(["add", "NOPE", "ADD "])(
      "P1.02 P1.03 an unknown command, %j, is code 4 and named with its variable",
      (command, { bed }) => {
        const { error } = ask(bed, command);
        expect(error.code).toBe(4);
        expect(error.msg).toContain("CNI_COMMAND");
        expect(`${error.msg} ${error.details}`).toContain(command);
      },
    );

    it("P1.04 without a command it introduces itself on stderr and exits with 0", ({ bed }) => {
      const run = bed.exec(name, { path: "" });
      expect(run).toMatchObject({ exitCode: 0, stdout: "" });
      for (const supported of version?.supportedVersions ?? ["none"]) {
        expect(run.stderr).toContain(supported);
      }
    });

    it("P1.04 its first line has a version that tools read as one of the reference's", ({
      bed,
    }) => {
      const [first = ""] = bed.exec(name, { path: "" }).stderr.split("\n");
      const suite = bed.host.sh(`${bed.bin}/weft version`).trim().split(" ")[1];
      const semver = /^(\d+)\.(\d+)\.(\d+)\+weft\.(\d+\.\d+\.\d+)$/;
      const parts = semver.exec(first.replace(`CNI ${name} plugin v`, ""));
      expect(parts?.[4]).toBe(suite);
      const [major = 0, minor = 0] = (parts ?? []).slice(1).map(Number);
      if (ofReference.includes(name)) expect([major, minor >= 1]).toEqual([1, true]);
    });

    it("P1.05 ADD names all variables that are missing or empty, in one message", ({ bed }) => {
      const two = ask(bed, "ADD", { env: { CNI_NETNS: undefined, CNI_IFNAME: "" } }).error;
      expect(two.code).toBe(4);
      expect(two.msg).toMatch(/CNI_NETNS.*CNI_IFNAME/);

      const all = bed.exec(name, { command: "ADD", config }).error;
      expect(all.code).toBe(4);
      expect(all.msg).toMatch(/CNI_CONTAINERID.*CNI_NETNS.*CNI_IFNAME/);
    });

    it.for(["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"])(
      "P1.06 CHECK without %s is code 4 and names it",
      (variable, { bed }) => {
        const { error } = ask(bed, "CHECK", { env: { [variable]: undefined } });
        expect(error.code).toBe(4);
        expect(error.msg).toContain(variable);
      },
    );

    it("P1.07 DEL works without CNI_NETNS, or with an empty one", ({ bed }) => {
      expect(ask(bed, "DEL", { env: { CNI_NETNS: undefined } })).toSucceed();
      expect(ask(bed, "DEL", { env: { CNI_NETNS: "" } })).toSucceed();
    });

    it.for(["CNI_CONTAINERID", "CNI_IFNAME"])(
      "P1.07 DEL without %s is code 4 and names it",
      (variable, { bed }) => {
        const { error } = ask(bed, "DEL", { env: { [variable]: undefined } });
        expect(error.code).toBe(4);
        expect(error.msg).toContain(variable);
      },
    );

    it("P1.08 GC neither needs nor examines the attachment's variables", ({ bed }) => {
      expect(bed.gc(name, config)).toMatchObject({ exitCode: 0, stdout: "" });
      const strange = { CNI_CONTAINERID: "%%", CNI_IFNAME: "../..", CNI_NETNS: "/nope" };
      expect(bed.gc(name, config, { env: strange })).toMatchObject({ exitCode: 0, stdout: "" });
    });

    works.for([undefined, null])(
      "P11.04 GC without a list of valid attachments (%s) removes nothing, and says so on stderr",
      (valid, { bed }) => {
        const box = bed.container();
        bed.exec(name, { command: "ADD", container: box, config }).result;
        const before = bed.snapshot();
        const run = bed.gc(name, { ...config, "cni.dev/valid-attachments": valid });
        expect(run).toMatchObject({ exitCode: 0, stdout: "" });
        expect(run.stderr).toContain("cni.dev/valid-attachments");
        expect(run.stderr).toContain('"net"');
        expect(run.stderr.trim().split("\n")).toHaveLength(1);
        expect(bed.leftovers(before)).toEqual([]);
      },
    );

    it("P11.04 GC with a list says nothing", ({ bed }) => {
      const run = bed.gc(name, { ...config, "cni.dev/valid-attachments": [] });
      expect(run).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
    });

    works("P1.09 P12.07 STATUS needs no attachment", ({ bed }) => {
      expect(bed.status(name, config)).toMatchObject({ exitCode: 0, stdout: "" });
    });

    it.for(["</dev/null", "<&-"])(
      "P1.10 VERSION needs only the command, even with standard input %s",
      (redirect, { bed }) => {
        const run = bed.version(name, { redirect, env: { PATH: undefined, CNI_PATH: undefined } });
        expect(run.exitCode).toBe(0);
        expect(run.json).toMatchObject({ supportedVersions: expect.any(Array) });
      },
    );

    it.for(["a/b", "-a", ".", "..", "a b", "é", "a\nb", "%%"])(
      "P1.13 the container id %j is code 4 and its variable is named",
      (containerID, { bed }) => {
        for (const command of attachmentCommands) {
          const { error } = ask(bed, command, { env: { CNI_CONTAINERID: containerID } });
          expect(error.code).toBe(4);
          expect(error.msg).toContain("CNI_CONTAINERID");
        }
      },
    );

    it.for(["a", "A.b_c-9", "0".repeat(200)])(
      "P1.13 the container id %j is accepted",
      (containerID, { bed }) => {
        const run = ask(bed, "DEL", { env: { CNI_CONTAINERID: containerID } });
        expect(run).toSucceed();
      },
    );

    works("P1.16 P1.17 P13.02 only ADD prints, and only its result", ({ bed }) => {
      const container = bed.container();
      const prevResult = ask(bed, "ADD", { container }).json;
      expect(prevResult).toMatchObject({ cniVersion: "1.1.0" });

      const checked = ask(bed, "CHECK", { container, config: { ...config, prevResult } });
      expect(checked).toMatchObject({ exitCode: 0, stdout: "" });
      expect(bed.status(name, config)).toMatchObject({ exitCode: 0, stdout: "" });
      expect(ask(bed, "DEL", { container })).toMatchObject({ exitCode: 0, stdout: "" });
      expect(bed.gc(name, config)).toMatchObject({ exitCode: 0, stdout: "" });
    });

    works("P1.19 CNI_VERSION, which 0.1.0 had, is ignored", ({ bed }) => {
      expect(ask(bed, "ADD", { env: { CNI_VERSION: "0.1.0" } }).result.cniVersion).toBe("1.1.0");
    });
  });

  describe("P2 standard input", () => {
    works("P2.01 reads a configuration of 1 MiB to its end", ({ bed }) => {
      const filler = "x".repeat(1024 * 1024);
      const run = ask(bed, "ADD", { config: { filler, ...config } });
      expect(run.result.cniVersion).toBe("1.1.0");
    });

    it("P2.02 a standard input that cannot be read is code 5", ({ bed }) => {
      expect(ask(bed, "ADD", { redirect: "</etc" }).error.code).toBe(5);
    });

    it("P2.02 a closed standard input is code 5 or 6", ({ bed }) => {
      expect([5, 6]).toContain(ask(bed, "ADD", { redirect: "<&-" }).error.code);
    });

    it.for([
      "",
      "   ",
      "{",
      "[]",
      "7",
      '"text"',
      '{"name":"net","cniVersion":"1.1.0"} x',
      '{"name":"net","cniVersion":"1.1.0"}{}',
      '{"name":7,"cniVersion":"1.1.0"}',
      '{"name":"net","cniVersion":1}',
      '{"name":"net",}',
    ])("P2.03 the standard input %j is code 6", (stdin, { bed }) => {
      for (const command of ["ADD", "DEL"]) {
        expect(ask(bed, command, { stdin }).error.code).toBe(6);
      }
    });

    it.for(allButVersion)("P2.04 %s without a network name is code 7", (command, { bed }) => {
      for (const name of [undefined, "", null]) {
        expect(ask(bed, command, { config: { ...config, name } }).error.code).toBe(7);
      }
    });

    it.for(["a/b", "-x", "te%%st", "..", "a b", "é"])(
      "P2.05 the network name %j is code 7",
      (name, { bed }) => {
        for (const command of allButVersion) {
          expect(ask(bed, command, { config: { ...config, name } }).error.code).toBe(7);
        }
      },
    );

    works("P2.06 a configuration without a version is one of 0.1.0", ({ bed }) => {
      for (const cniVersion of [undefined, null, ""]) {
        const call = { config: { ...config, cniVersion }, container: bed.container() };
        const run = ask(bed, "ADD", call);
        expect(run.json).toMatchObject({ cniVersion: "0.1.0", ip4: { ip: expect.any(String) } });
        ask(bed, "DEL", call);
      }
    });

    works("P2.07 P14.11 P14.17 keys it does not know are no failure", ({ bed }) => {
      const unknown = {
        nonsense: true,
        args: { zz: {}, cni: { labels: [{ key: "a", value: "b" }] } },
        capabilities: { aliases: true, nonsense: true },
        runtimeConfig: { nonsense: [1], aliases: ["a"], infinibandGUID: "c2:11", dns: {} },
        "cni.dev/nonsense": {},
      };
      expect(ask(bed, "ADD", { config: { ...config, ...unknown } })).toSucceed();
      expect(ask(bed, "DEL", { config: { ...config, ...unknown } })).toSucceed();
    });

    works("P2.08 keys match in any case", ({ bed }) => {
      const { cniVersion, name, ...rest } = config;
      const shouted = { CNIVERSION: cniVersion, Name: name, ...rest };
      expect(ask(bed, "ADD", { config: shouted }).result.cniVersion).toBe("1.1.0");
    });

    it("P2.11 VERSION does not mind what is on standard input", ({ bed }) => {
      for (const stdin of ["garbage", "{", "[]", '{"cniVersion":7}', new Uint8Array([0xff, 0])]) {
        expect(bed.version(name, { stdin })).toSucceed();
      }
    });
  });

  describe("P3 errors", () => {
    it.for(["0.4.0", "1.0.0", "1.1.0"])(
      "P3.02 the error of a %s configuration bears that version",
      (cniVersion, { bed }) => {
        const bad = { ...config, cniVersion, name: "a/b" };
        expect(ask(bed, "ADD", { config: bad }).error.cniVersion).toBe(cniVersion);
      },
    );

    it("P3.02 the error bears the newest version where none could be read", ({ bed }) => {
      const newest = version?.supportedVersions.at(-1);
      expect(ask(bed, "ADD", { stdin: "{" }).error.cniVersion).toBe(newest);
      expect(bed.exec(name, { command: "NOPE", config }).error.cniVersion).toBeDefined();
    });

    it("P3.03 its codes are the documented ones", ({ bed }) => {
      const calls: readonly Invocation[] = [
        { config: { ...config, name: "" } },
        { config: { ...config, cniVersion: "2.0.0" } },
        { env: { CNI_NETNS: "/nope" }, config: { ...config, ipam: { type: "nosuch" } } },
        { env: { CNI_NETNS: "/etc/passwd" }, args: "x" },
        { config: { ...config, prevResult: { cniVersion: "9.9.9" } } },
        { config: { ...config, ipam: 7 } },
        { config: { ...config, ipam: { type: "../x" } } },
        { ifName: "much-too-long-a-name" },
      ];
      for (const command of allButVersion) {
        for (const call of calls) {
          const run = ask(bed, command, call);
          if (!run.ok) expect(run.error.code).not.toBe(3);
        }
      }
    });

    it("P3.04 an unknown version is code 1 and the known ones are listed", ({ bed }) => {
      for (const command of ["ADD", "DEL"]) {
        const { error } = ask(bed, command, { config: { ...config, cniVersion: "9.9.9" } });
        expect(error.code).toBe(1);
        expect(error.details).toContain(version?.supportedVersions.at(-1));
      }
    });

    it("P3.05 CHECK of a configuration before 0.4.0 is code 1", ({ bed }) => {
      const { error } = ask(bed, "CHECK", { config: { ...config, cniVersion: "0.3.1" } });
      expect(error.code).toBe(1);
      expect(error.msg).toContain("CHECK");
    });

    it.for(["GC", "STATUS"])(
      "P3.06 %s of a configuration before 1.1.0 is code 1",
      (command, { bed }) => {
        const { error } = ask(bed, command, { config: { ...config, cniVersion: "1.0.0" } });
        expect(error.code).toBe(1);
        expect(error.msg).toContain(command);
      },
    );

    it("P3.07 a malformed version is code 1 or 6", ({ bed }) => {
      for (const command of allButVersion) {
        const { error } = ask(bed, command, { config: { ...config, cniVersion: "abc" } });
        expect([1, 6]).toContain(error.code);
      }
    });

    it("P3.13 a failure shows no stack trace", ({ bed }) => {
      const deep = `{"name":"net","cniVersion":"1.1.0","x":${"[".repeat(100_000)}`;
      const run = ask(bed, "ADD", { stdin: deep });
      expect(run.error.code).toBe(6);
      expect(run.stderr).not.toMatch(/^\s+at |goroutine|panic/m);
    });
  });

  describe("P2 a whole list on standard input", () => {
    const { cniVersion, name: network, ...own } = config;
    const listOf = (...entries: readonly unknown[]) => ({
      cniVersion,
      name: network,
      plugins: entries,
    });

    it.for(["ADD", "CHECK", "GC", "STATUS"])(
      "%s is code 7, says that it is a list, and changes nothing",
      (command, { bed }) => {
        const container = bed.container();
        const before = bed.snapshot();
        for (const list of [listOf({ type: "other" }, own), listOf()]) {
          const { error } = bed.exec(name, { command, container, config: list });
          expect(error.code).toBe(7);
          expect(error.msg).toContain("list");
          expect(error.msg).toContain('"plugins"');
        }
        expect(bed.leftovers(before)).toEqual([]);
      },
    );

    works("DEL takes its own part of it, removes all that ADD made, and says so", ({ bed }) => {
      const container = bed.container();
      container.sh("ip link set lo up && ip link set lo down");
      const before = bed.snapshot();
      bed.add(name, container, config).result;
      const run = bed.del(name, container, listOf({ type: "other" }, own));
      expect(run).toMatchObject({ exitCode: 0, stdout: "" });
      expect(run.stderr).toContain("list");
      const left = bed.leftovers(before, sharedBy(config));
      expect(left.filter((line) => !/route_localnet|\.boot/.test(line))).toEqual([]);
    });
  });

  describe("P4 versions", () => {
    it("P4.01 P4.04 VERSION lists the supported versions, all there are", ({ bed }) => {
      const answer = bed.version(name).json;
      expect(answer).toMatchObject({ cniVersion: "1.1.0" });
      expect(answer).toHaveProperty(
        "supportedVersions",
        expect.arrayContaining(["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]),
      );
    });

    it("P4.02 VERSION answers in the version it was asked in", ({ bed }) => {
      for (const cniVersion of version?.supportedVersions ?? []) {
        const run = bed.version(name, { stdin: JSON.stringify({ cniVersion }) });
        expect(run.json).toMatchObject({ cniVersion });
      }
    });

    it("P4.02 VERSION answers in its newest version if it does not know that one", ({ bed }) => {
      const stdin = JSON.stringify({ cniVersion: "9.9.9" });
      const newest = version?.supportedVersions.at(-1);
      expect(bed.version(name, { stdin }).json).toMatchObject({ cniVersion: newest });
    });

    works("P4.03 every version it lists is accepted", ({ bed }) => {
      for (const cniVersion of version?.supportedVersions ?? ["none"]) {
        const container = bed.container();
        const versioned = { ...config, cniVersion };
        expect(ask(bed, "ADD", { container, config: versioned }).json).toMatchObject({
          cniVersion,
        });
        const gone = ask(bed, "DEL", { container, config: versioned });
        expect(gone).toSucceed();
      }
    });

    it.for(["1.2.0", "0.5.0", "1.0", "1", "2.0.0", "v1.0.0", "1.1.0 "])(
      "P4.03 P4.05 the version %j, which it does not list, is code 1",
      (cniVersion, { bed }) => {
        for (const command of ["ADD", "DEL"]) {
          const { error } = ask(bed, command, { config: { ...config, cniVersion } });
          expect(error.code).toBe(1);
        }
      },
    );

    works("P4.06 newer keys are no failure under an older version", ({ bed }) => {
      const newer = { cniVersions: ["1.0.0", "1.1.0"], disableGC: true, disableCheck: true };
      const run = ask(bed, "ADD", { config: { ...config, ...newer, cniVersion: "1.0.0" } });
      expect(run.result.cniVersion).toBe("1.0.0");
    });
  });
});

describe("an executable that delegates nothing", () => {
  const lonely = [
    ["loopback", workingConfig("loopback")],
    ["bridge", { ...workingConfig("bridge"), ipam: undefined }],
    ["host-local", workingConfig("host-local")],
  ] as const;

  it.for(lonely)("P1.09 P1.11 P1.12 %s works without CNI_PATH", ([program, config], { bed }) => {
    const box = bed.container();
    const env = { CNI_PATH: undefined };
    expect(bed.status(program, config, { env })).toSucceed();
    const prevResult = bed.add(program, box, config, { env }).result;
    const checked = bed.check(program, box, { ...config, prevResult }, { env });
    expect(checked).toSucceed();
    expect(bed.del(program, box, config, { env })).toSucceed();
    expect(bed.gc(program, config, { env })).toSucceed();
  });
});
