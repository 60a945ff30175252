/** `weft log`: what calls there were, as a person sees it. */
import { spawn } from "node:child_process";
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { bridge, masqueraded } from "../bed/configs.ts";
import { it } from "../bed/it.ts";
import { Lists } from "../bed/lists.ts";
import { ownEtc, writeNodeFile } from "../bed/node-file.ts";
import { waitUntil } from "../bed/patience.ts";

const file = "/tmp/weft.log";
const env = { WEFT_LOG: file };
const net = masqueraded("10.1.2.0/24");
const other = bridge("10.1.3.0/24", { name: "other", bridge: "br1" });

/** Two containers: one has a second ADD that fails, the other is of another network. */
function log(bed: Bed): void {
  const [box, second] = [bed.container(), bed.container()];
  bed.add("bridge", box, net, { env });
  bed.add("bridge", box, net, { env });
  bed.add("bridge", second, other, { env });
  bed.del("bridge", second, other, { env });
}

/** What is shown below the heading, a text a line. */
function shown(bed: Bed, words = ""): readonly string[] {
  const said = new Lists(bed).weft(`log ${words}`, env);
  expect([said.status, said.stderr]).toEqual([0, ""]);
  const [heading, ...rows] = said.stdout.trimEnd().split("\n");
  expect(heading).toMatch(/^TIME +COMMAND +PLUGIN +NETWORK +CONTAINER +INTERFACE +MS +OUTCOME$/);
  return rows;
}

describe("weft log", () => {
  it("has a line for each call, the oldest first", ({ bed }) => {
    log(bed);
    const time = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z";
    const row = (words: string) => expect.stringMatching(new RegExp(`^${time} +${words}`));
    expect(shown(bed)).toEqual([
      row("ADD +bridge +net +box1-id +eth0 +\\d+\\.\\d  10\\.1\\.2\\.2/24$"),
      row("ADD +bridge +net +box1-id +eth0 +\\d+\\.\\d  error 103: Cannot create interface .*$"),
      row("ADD +bridge +other +box2-id +eth0 +\\d+\\.\\d  10\\.1\\.3\\.2/24$"),
      row("DEL +bridge +other +box2-id +eth0 +\\d+\\.\\d  ok$"),
    ]);
  });

  it("shows those of a network, of a container, and that failed", ({ bed }) => {
    log(bed);
    const count = (words: string) => shown(bed, words).length;
    expect(count("net")).toBe(2);
    expect(count("--container box2")).toBe(2);
    expect(count("--container=box1-id")).toBe(2);
    expect(count("--errors")).toBe(1);
    expect(count("other --errors")).toBe(0);
    expect(count("none")).toBe(0);
  });

  it("--slow shows the slowest first, with their steps, which add up", ({ bed }) => {
    log(bed);
    const rows = shown(bed, "--slow");
    const times = rows.flatMap((row) => /^\d.* (\d+\.\d) {2}/.exec(row)?.[1] ?? []).map(Number);
    expect(times).toHaveLength(4);
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    // Of the two ADDs, the one that made the pair; either may have been the slower one.
    const [add = "", ...later] = rows.slice(rows.findIndex((row) => row.endsWith("  10.1.2.2/24")));
    const next = later.findIndex((row) => /^\d/.test(row));
    const steps = next === -1 ? later : later.slice(0, next);
    const sum = steps.reduce((all, row) => all + Number.parseFloat(row), 0);
    expect(sum).toBeCloseTo(Number(/ (\d+\.\d) {2}/.exec(add)?.[1]), 0);
    expect(steps.join("\n")).toMatch(/^ +\d+\.\d{3} {2}veth pair$/m);
    expect(steps.at(-1)).toMatch(/^ +\d+\.\d{3} {2}else$/);
  });

  it("--json hands lines on as they are", ({ bed }) => {
    log(bed);
    const lists = new Lists(bed);
    expect(lists.weft("log --json", env).stdout).toBe(bed.read(file));
    const [, second] = bed.read(file).split("\n");
    expect(lists.weft("log --json --errors", env).stdout).toBe(`${second}\n`);
  });

  it("begins with what was moved away when the log was full", ({ bed }) => {
    log(bed);
    bed.host.sh(`mv ${file} ${file}.1`);
    expect(shown(bed)).toHaveLength(4);
    bed.status("bridge", net, { env });
    expect(shown(bed).map((row) => row.split(/ +/)[1])).toEqual([
      "ADD",
      "ADD",
      "ADD",
      "DEL",
      "STATUS",
    ]);
  });

  it("finds the log that the node file names, or that it is told", ({ bed }) => {
    ownEtc(bed);
    log(bed);
    const lists = new Lists(bed);
    const nowhere = lists.weft("log");
    expect([nowhere.status, nowhere.stderr]).toEqual([
      1,
      expect.stringMatching(/^weft: no log is asked for: .*\n$/),
    ]);
    writeNodeFile(bed, { log: file });
    expect(lists.weft("log").stdout).toBe(lists.weft(`log --file ${file}`).stdout);
    const none = lists.weft("log --file /tmp/none");
    expect([none.status, none.stderr]).toEqual([
      1,
      'weft: Cannot show "/tmp/none": there is no such log yet\n',
    ]);
    for (const odd of ["/tmp", "/dev/null"]) {
      expect(lists.weft(`log --file ${odd}`)).toMatchObject({ status: 1, stdout: "" });
    }
    writeNodeFile(bed, "{");
    expect(lists.weft("log").stderr).toMatch(/^weft: Cannot use "\/etc\/cni\/weft\.json": /);
  });

  it("leaves out what is damaged, says so, and finds a call behind a half one", ({ bed }) => {
    bed.status("bridge", net, { env });
    const [line = ""] = bed.read(file).split("\n");
    bed.write(file, `${line}\n{\n\xff\n${line.slice(0, 60)}${line}\n\n${line.slice(0, 60)}`);
    const said = new Lists(bed).weft("log", env);
    expect(said.stdout.trimEnd().split("\n")).toHaveLength(3);
    expect([said.status, said.stderr]).toEqual([
      0,
      "weft: 3 lines of the log are damaged, and left out\n",
    ]);
  });

  it("shows nothing that a terminal obeys", ({ bed }) => {
    bed.exec("bridge", {
      command: "\x1b[31mADD",
      config: net,
      env: { ...env, CNI_CONTAINERID: "\x1b]0;x\x07" },
    });
    expect(shown(bed).join("")).not.toContain("\x1b");
    expect(shown(bed, "--slow").join("")).not.toContain("\x1b");
  });

  it("says who is not root that it may not be read", ({ bed }) => {
    bed.status("bridge", net, { env });
    const said = new Lists(bed).run(
      `setpriv --reuid=65534 --clear-groups ${bed.bin}/weft log`,
      env,
    );
    expect([said.status, said.stderr]).toEqual([
      1,
      expect.stringMatching(/^weft: Cannot open .*run it as root/),
    ]);
  });

  it("--follow goes on, also after the log was moved", ({ bed }) => {
    log(bed);
    const out = `${bed.folder("follow")}/out`;
    const script = `WEFT_LOG=${file} exec ${bed.bin}/weft log --follow --errors >${out}`;
    const [program = "", ...words] = bed.command(script);
    const child = spawn(program, words, { stdio: "ignore" });
    bed.atEnd(() => child.kill("SIGKILL"));
    const until = (lines: number) =>
      waitUntil(`${lines} lines`, () => bed.host.succeeds(`[ $(wc -l <${out}) = ${lines} ]`));
    until(2);
    const box = bed.container();
    bed.status("bridge", net, { env });
    bed.exec("bridge", { command: "FOO", container: box, env });
    until(3);
    bed.host.sh(`mv ${file} ${file}.1`);
    bed.exec("bridge", { command: "BAR", container: box, env });
    until(4);
    expect(bed.read(out)).toMatch(/ FOO .*\n.* BAR .*\n$/);
  });

  it("changes nothing", ({ bed }) => {
    log(bed);
    const before = bed.snapshot();
    shown(bed);
    expect(bed.leftovers(before)).toEqual([]);
  });

  it.for(["a b", "/", "--container", "--container=", "--file", "--nonsense", "--slow --follow"])(
    "is told how to be used if it is called with %s",
    (words, { bed }) => {
      const { status, stdout, stderr } = new Lists(bed).weft(`log ${words}`, env);
      expect([status, stdout, stderr]).toEqual([2, "", expect.stringMatching(/^usage: /)]);
    },
  );
});
