/** A log of all calls: one line each, for whoever asks for it. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { bridge, hostLocal, masqueraded } from "../bed/configs.ts";
import { it } from "../bed/it.ts";
import { nodeFile, ownEtc, writeNodeFile } from "../bed/node-file.ts";

const net = masqueraded("10.1.2.0/24");
const file = "/tmp/weft.log";
const logged = { env: { WEFT_LOG: file } };

type Line = Readonly<Record<string, unknown>> & {
  readonly steps?: readonly { readonly step: string; readonly ms: number }[];
};

/** The lines of a log; each has to be JSON, and ended. */
function linesOf(bed: Bed, path = file): readonly Line[] {
  const texts = bed.read(path).split("\n");
  expect(texts.pop()).toBe("");
  return texts.map((text) => JSON.parse(text));
}

describe("the log", () => {
  it("has a line for each call: which, of whom, how long, with what outcome", ({ bed }) => {
    const box = bed.container();
    const owner = { containerID: box.containerID, ifName: "eth0", netns: box.netns };
    const { stdout } = bed.add("bridge", box, net, logged);
    bed.check("bridge", box, { ...net, prevResult: JSON.parse(stdout) }, logged);
    const { error } = bed.add("bridge", box, net, logged);
    bed.del("bridge", box, net, logged);
    bed.status("bridge", net, logged);
    bed.gc("bridge", { ...net, "cni.dev/valid-attachments": [] }, logged);
    bed.version("bridge", logged);
    const lines = linesOf(bed);
    expect(lines.map(({ command }) => command)).toEqual([
      "ADD",
      "CHECK",
      "ADD",
      "DEL",
      "STATUS",
      "GC",
    ]);
    for (const line of lines) {
      expect(line).toMatchObject({ plugin: "bridge", network: "net", cniVersion: "1.1.0" });
      expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(line.version).toMatch(/^\d+\.\d+\.\d+$/);
      const sum = (line.steps ?? []).reduce((all, { ms }) => all + ms, 0);
      expect(sum).toBeLessThanOrEqual(Number(line.ms) + 0.1);
    }
    for (const line of lines.slice(0, 4)) expect(line.owner).toEqual(owner);
    for (const line of lines.slice(4)) expect(line).not.toHaveProperty("owner");
    expect(lines[0]?.result).toEqual(JSON.parse(stdout));
    expect(lines[2]?.error).toEqual({ code: 103, msg: error.msg });
    for (const at of [1, 3, 4, 5]) {
      for (const key of ["error", "result"]) expect(lines[at]).not.toHaveProperty(key);
    }
    const [, first] = lines[0]?.steps ?? [];
    expect(first?.step).toBe("bridge");
    const steps = (at: number) => lines[at]?.steps?.map(({ step }) => step);
    expect(steps(0)).toEqual(expect.arrayContaining(["veth pair", "host-local ADD", "masquerade"]));
    expect(steps(3)).toEqual(expect.arrayContaining(["delete the veth pair", "host-local DEL"]));
  });

  it("is root's alone", ({ bed }) => {
    const as = ["sh", "-c", 'umask 0; exec "$@"', "sh"];
    bed.add("bridge", bed.container(), net, { ...logged, as });
    expect(bed.host.sh(`stat -c '%a %u %F' ${file}`)).toBe("600 0 regular file\n");
  });

  it("has the time of the host's clock, and who called", ({ bed }) => {
    const before = Date.now();
    bed.status("bridge", net, logged);
    const [line] = linesOf(bed);
    const time = Date.parse(String(line?.time));
    expect([time >= before - 1, time <= Date.now()]).toEqual([true, true]);
    bed.host.sh(`echo '${JSON.stringify(net)}' >/tmp/net
      cp $(command -v sh) "/tmp/a) caller"; chmod +x "/tmp/a) caller"
      CNI_COMMAND=STATUS CNI_PATH=${bed.bin} WEFT_LOG=${file} "/tmp/a) caller" -c '${bed.bin}/bridge </tmp/net; true'`);
    expect(linesOf(bed)[1]).toMatchObject({ parent: "a) caller", pid: expect.any(Number) });
  });

  it("is asked for by the node file as well, and WEFT_LOG comes first", ({ bed }) => {
    ownEtc(bed);
    writeNodeFile(bed, { log: "/tmp/node.log" });
    bed.status("bridge", net);
    writeNodeFile(bed, { log: { file: "/tmp/node.log" } });
    bed.status("bridge", net);
    bed.status("bridge", net, logged);
    bed.status("bridge", net, { env: { WEFT_LOG: "" } });
    bed.status("bridge", net, { env: { WEFT_LOG: "off" } });
    expect([linesOf(bed, "/tmp/node.log").length, linesOf(bed).length]).toEqual([3, 1]);
  });

  it("tells of calls that fail before their network is known", ({ bed }) => {
    bed.add("bridge", bed.container(), net, { ...logged, stdin: "{" });
    bed.exec("bridge", { command: "FOO", config: net, ...logged });
    bed.exec("bridge", { command: "ADD", config: net, ...logged });
    const lines = linesOf(bed);
    expect(lines.map(({ error }) => (error as { code: number }).code)).toEqual([6, 4, 4]);
    expect(lines[0]).not.toHaveProperty("network");
  });

  it("tells what was wrong with the node file, where WEFT_LOG names the log", ({ bed }) => {
    ownEtc(bed);
    writeNodeFile(bed, "{");
    bed.add("bridge", bed.container(), net, logged);
    expect(linesOf(bed)[0]?.error).toMatchObject({
      code: 6,
      msg: expect.stringContaining(nodeFile),
    });
  });

  it("has a line of a delegate that is another process, and a step of any", ({ bed }) => {
    const copies = bed.folder("copies");
    bed.host.sh(`cp ${bed.bin}/host-local ${copies}`);
    bed.add("bridge", bed.container(), net, logged);
    expect(linesOf(bed).map(({ plugin }) => plugin)).toEqual(["bridge"]);
    bed.add("bridge", bed.container(), net, { ...logged, path: copies });
    const [, inner, outer] = linesOf(bed);
    expect([inner?.plugin, inner?.parent, outer?.plugin]).toEqual([
      "host-local",
      "bridge",
      "bridge",
    ]);
    expect(outer?.steps?.map(({ step }) => step)).toContain("host-local ADD");
  });

  it("has nothing of CNI_ARGS, nor of the configuration but names", ({ bed }) => {
    const args = "IgnoreUnknown=1;TOKEN=geheim1";
    const config = { ...net, dns: {}, args: { cni: { token: "geheim2" } }, other: "geheim3" };
    const box = bed.container();
    const env = { ...logged.env, TOKEN: "geheim4" };
    bed.add("bridge", box, config, { args, env });
    bed.add("bridge", box, config, { args, env });
    bed.del("bridge", box, config, { args, env });
    expect(linesOf(bed)).toHaveLength(3);
    expect(bed.read(file)).not.toContain("geheim");
  });
});

describe("TRACEPARENT", () => {
  const [trace, span] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
  const TRACEPARENT = `00-${trace}-${span}-01`;

  it("is noted, and handed on", ({ bed }) => {
    const fake = bed.recorder("fake");
    fake.answer("ADD", { stdout: { cniVersion: "1.1.0", ips: [{ address: "10.1.2.9/24" }] } });
    const config = bridge("", { ipam: { type: "fake" } });
    const env = { ...logged.env, TRACEPARENT };
    expect(bed.add("bridge", bed.container(), config, { env })).toSucceed();
    expect(linesOf(bed)[0]?.trace).toEqual({ traceID: trace, spanID: span });
    expect(fake.calls.map(({ env: given }) => given.TRACEPARENT)).toEqual([TRACEPARENT]);
  });

  it("is left out if it is none", ({ bed }) => {
    for (const wrong of [
      `00-${trace}-${span}`,
      `00-${"0".repeat(32)}-${span}-01`,
      "x".repeat(9999),
    ]) {
      bed.status("bridge", net, { env: { ...logged.env, TRACEPARENT: wrong } });
    }
    expect(linesOf(bed)).toHaveLength(3);
    for (const line of linesOf(bed)) expect(line).not.toHaveProperty("trace");
  });
});

describe("a log that cannot be written", () => {
  it.for([
    ["in no directory", "true", "/tmp/none/log", "there is no directory"],
    ["a directory", `mkdir ${file}`, file, "no regular file"],
    ["a pipe", `mkfifo ${file}`, file, "no regular file"],
    ["a device", "true", "/dev/null", "no regular file"],
    ["a link", `: >/tmp/there; ln -s there ${file}`, file, "no regular file"],
    [
      "in a directory that a link leads to",
      "mkdir /tmp/there; ln -s there /tmp/a",
      "/tmp/a/log",
      '"/tmp/a" is no directory',
    ],
    ["a file with another name", `: >/tmp/there; ln /tmp/there ${file}`, file, "another name"],
    ["another user's", `: >${file}; chown 1234 ${file}`, file, "belongs to user 1234"],
    [
      "in another user's directory",
      "mkdir /tmp/a; chown 1234 /tmp/a",
      "/tmp/a/log",
      "belongs to user 1234",
    ],
    [
      "where everybody may put files",
      "mkdir /tmp/a; chmod 777 /tmp/a",
      "/tmp/a/log",
      "everybody may write",
    ],
    [
      "on a disk that is full",
      "mkdir /tmp/a; mount -t tmpfs -o size=4k none /tmp/a; head -c 9999 /dev/zero >/tmp/a/b || true",
      "/tmp/a/log",
      "ENOSPC",
    ],
    [
      "on a disk that is read-only",
      "mkdir /tmp/a; mount -t tmpfs -o ro none /tmp/a",
      "/tmp/a/log",
      "EROFS",
    ],
    ["no absolute path", "true", "log", "no absolute path"],
  ] as const)("fails no run, and is said once: %s", ([, script, path, words], { bed }) => {
    bed.host.sh(script);
    const box = bed.container();
    const before = bed.snapshot();
    const run = bed.add("bridge", box, net, { env: { WEFT_LOG: path } });
    expect(run).toSucceed();
    expect(run.stderr.split("\n")).toEqual([expect.stringContaining(words), ""]);
    expect(bed.del("bridge", box, net, { env: { WEFT_LOG: path } })).toSucceed();
    const changed = bed.leftovers(before).filter((each) => /file|\/tmp/.test(each));
    expect(changed.filter((each) => !/br0|networks|"content":""/.test(each))).toEqual([]);
  });

  it("is none in a directory whose group may write to it, as in Ubuntu's /var/log", ({ bed }) => {
    bed.host.sh("mkdir /tmp/a; chown 0:104 /tmp/a; chmod 775 /tmp/a");
    const run = bed.status("bridge", net, { env: { WEFT_LOG: "/tmp/a/log" } });
    expect([run.exitCode, run.stderr]).toEqual([0, ""]);
    expect(linesOf(bed, "/tmp/a/log")).toHaveLength(1);
  });
});

describe("a line", () => {
  it("has a limit, and says that it is cut", ({ bed }) => {
    const routes = Array.from({ length: 999 }, (_, i) => ({ dst: `10.${i >> 8}.${i & 255}.0/24` }));
    const config = hostLocal("10.1.2.0/24", {
      ipam: { type: "host-local", subnet: "10.1.2.0/24", routes },
    });
    expect(bed.add("host-local", bed.container(), config, logged)).toSucceed();
    const [line] = linesOf(bed);
    expect(line).toMatchObject({
      isCut: true,
      result: expect.stringMatching(/^\{"cniVersion".*…$/),
    });
    expect(bed.read(file).length).toBeLessThan(9000);
  });

  it("is whole, whoever else writes, and however often the log is full", async ({ bed }) => {
    ownEtc(bed);
    writeNodeFile(bed, { log: { file, maxSize: "64 KB" } });
    bed.write(file, `${JSON.stringify({ old: "x".repeat(980) })}\n`.repeat(64));
    const config = hostLocal("10.1.0.0/16");
    const boxes = Array.from({ length: 60 }, () => bed.container());
    const runs = boxes.map((container) =>
      bed.start("host-local", { command: "ADD", container, config }),
    );
    for (const run of await Promise.all(runs)) expect([run.exitCode, run.stderr]).toEqual([0, ""]);
    const all = [...linesOf(bed, `${file}.1`), ...linesOf(bed)];
    const ids = all.flatMap(
      ({ owner }) => (owner as { containerID: string } | undefined)?.containerID ?? [],
    );
    expect(ids.sort()).toEqual(boxes.map(({ containerID }) => containerID).sort());
    expect(bed.host.sh(`stat -c %a ${file} ${file}.1`)).toMatch(/^600\n/);
    expect(bed.list("/tmp").filter((name) => name.startsWith("weft.log"))).toEqual([
      "weft.log",
      "weft.log.1",
    ]);
  });

  it("goes into the full log if that cannot be renamed, which is said", ({ bed }) => {
    ownEtc(bed);
    writeNodeFile(bed, { log: { file, maxSize: 64_000 } });
    bed.write(file, `${JSON.stringify({ old: "x".repeat(64_000) })}\n`);
    bed.host.sh(`mkdir ${file}.1`);
    expect(bed.status("bridge", net).stderr).toMatch(/^Cannot rename the full log .*\n$/);
    expect(linesOf(bed)).toHaveLength(2);
  });
});
