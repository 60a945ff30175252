/** What people are told who ask `weft` for help, or call it wrongly. */
import { spawnSync } from "node:child_process";
import { describe, expect, it as plainIt } from "vitest";
import { it } from "../bed/it.ts";
import { binDirectory } from "../bed/paths.ts";

interface Said {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function weft(...words: readonly string[]): Said {
  const ended = spawnSync(`${binDirectory}/weft`, words, { encoding: "utf8", input: "", env: {} });
  return { status: ended.status, stdout: ended.stdout, stderr: ended.stderr };
}

/** The commands that `weft help` lists: the second column, behind what they are grouped by. */
const commands = Array.from(weft("help").stdout.matchAll(/^[a-z ]{11}([a-z]+) +[a-z]/gm), (row) =>
  String(row[1]),
);

describe("weft help", () => {
  plainIt("lists commands by what people want of them", () => {
    const { status, stdout } = weft("help");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^usage: weft COMMAND/);
    expect(stdout).toMatch(/^run lists +add +attaches/m);
    expect(stdout).toMatch(/^mend +gc +/m);
    expect(commands).toEqual(expect.arrayContaining(["add", "inventory", "validate", "help"]));
    expect(weft("--help")).toEqual(weft("help"));
    expect(weft("-h")).toEqual(weft("help"));
  });

  plainIt.each([[], ...commands.map((name) => [name])])("of %s fits a screen", (...words) => {
    const { status, stdout, stderr } = weft("help", ...words);
    expect([status, stderr]).toEqual([0, ""]);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.length).toBeLessThan(24);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });

  plainIt.each(commands)("of %s is the same by --help and -h, wherever these stand", (name) => {
    const help = weft("help", name);
    expect(help.stdout).toMatch(new RegExp(`^usage: weft ${name}\\b`));
    for (const words of [
      [name, "--help"],
      [name, "-h"],
      ["--help", name],
      ...(name === "help" ? [] : [[name, "x", "--help"]]),
    ]) {
      expect(weft(...words)).toEqual(help);
    }
  });

  plainIt("of what does not fit says so, and tells all of it by --all", () => {
    const short = weft("help", "add").stdout;
    expect(short).toMatch(/\nMore: weft help add --all, or man weft-add\n$/);
    const whole = weft("help", "add", "--all").stdout;
    expect(whole.length).toBeGreaterThan(short.length);
    expect(whole).toContain("Examples:");
    expect(whole).not.toContain("More: ");
  });

  plainIt("knows cnitool as well", () => {
    expect(weft("help", "cnitool").stdout).toMatch(/^usage: cnitool add/);
  });
});

describe("a command that there is not", () => {
  plainIt.each([
    ["inventry", 'unknown command "inventry", did you mean "inventory"?'],
    ["lsit", 'unknown command "lsit", did you mean "list"?'],
    ["nonsense", 'unknown command "nonsense", "weft help" lists commands'],
    ["constructor", 'unknown command "constructor", "weft help" lists commands'],
    ["a\u001b[31m\n", 'unknown command "a\\u001b[31m\\u000a", "weft help" lists commands'],
  ])("as %j fails on stderr with the one that was meant", (word, sentence) => {
    const said = { status: 2, stdout: "", stderr: `weft: ${sentence}\n` };
    expect(weft(word)).toEqual(said);
    expect(weft("help", word)).toEqual(said);
  });
});

describe("a command that is called wrongly", () => {
  plainIt.each([
    ["add"],
    ["add", "net"],
    ["add", "net", "/ns", "more"],
    ["add", "net", "/ns", "--nonsense"],
    ["add", "net", "/ns", "--conf"],
    ["add", "net", "/ns", "--ifname="],
    ["add", "net", "/ns", "--timeout", "soon"],
    ["add", "net", "--container-id", "box"],
    ["del", "net"],
    ["check", "--conf", "x"],
    ["status"],
    ["gc"],
    ["gc", ""],
  ])("as in %s %s %s %s says how it is called, with status 2", (...words) => {
    const { status, stdout, stderr } = weft(...words);
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(new RegExp(`^usage: weft ${words[0]} `));
    expect(stderr).toMatch(new RegExp(`\n"weft help ${words[0]}" says more.\n$`));
  });

  plainIt("names the option that it does not have, and the one that was meant", () => {
    expect(weft("gc", "net", "--yess").stderr).toContain(
      '\nunknown option "--yess", did you mean "--yes"?\n',
    );
    expect(weft("inventory", "net", "--data-dri=x").stderr).toContain(
      '\nunknown option "--data-dri", did you mean "--data-dir"?\n',
    );
    expect(weft("inventory", "net", "--x\u001b[31m").stderr).toContain(
      '\nunknown option "--x\\u001b[31m"\n',
    );
    expect(weft("gc", "--yes").stderr).not.toContain("unknown option");
  });
});

/** The words that a way to call a command needs at least, and values for words in capitals. */
const values: { readonly [word: string]: string } = {
  NETWORK: "net",
  NETNS: "/run/netns/none",
  NAME: "eth1",
  "NAME=VALUE": "mac=02:00:00:00:00:01",
  SECONDS: "5",
  FILE: "/nonexistent",
  DIR: "/nonexistent",
  LIST: "http://192.0.2.1:2379",
  PATH: "/nonexistent",
  ADDRESS: "192.0.2.1",
  NUMBER: "1000",
  FORMAT: "json",
  CIDR: "10.244.0.0/16",
  TYPE: "vxlan",
};

function standIn(word: string): string {
  return values[word] ?? (/^[A-Z]/.test(word) ? "x" : (word.split("|")[0] ?? ""));
}

/** The words of a way to call a command, without what may be left out. */
function needed(way: string): readonly string[] {
  const without = way.replace(/\[[^[\]]*\](?:\.{3})?/g, "").replace(/\[[^[\]]*\](?:\.{3})?/g, "");
  return without.trim().split(/ +/).slice(1).map(standIn);
}

/** Options with which a command goes on until somebody ends it. */
const endless = ["--follow", "-f"];

/** How a page says that each of its options is given: with the words that are needed besides. */
function callsOf(page: string): readonly (readonly string[])[] {
  const usage = page.split("\n\n")[0] ?? "";
  const [first = "", ...others] = usage.split("\n").map((line) => line.slice("usage: ".length));
  const flags = Array.from(page.matchAll(/^ {2}(-[^\n]*?)(?: {2,}|$)/gm), ([, flag]) => `${flag}`);
  return flags
    .flatMap((each) => each.split(", "))
    .filter((each) => !endless.includes(each))
    .map((each) => {
      const [spelling = "", ...value] = each.split(" ");
      const own = others.find((way) => needed(way).includes(spelling));
      return needed(own ?? first).concat(own ? [] : [spelling, ...value.map(standIn)]);
    });
}

describe("an option that help names", () => {
  it.for(commands)("is taken by %s", (name, { bed }) => {
    const run = (words: readonly string[], by = "") => {
      const call = [`${bed.bin}/weft`, ...words].map((word) => `'${word}'`).join(" ");
      return bed.host.sh(`${by} ${call} </dev/null >/tmp/out 2>&1; echo $?; cat /tmp/out`);
    };
    for (const page of weft("help", name, "--all").stdout.split(/^(?=usage: )/m)) {
      for (const call of callsOf(page)) {
        // What is told to go on is ended: it took its options.
        expect(run(call, "timeout 1")).not.toMatch(/^2\n/);
        expect(run([call[0] ?? "", "--none-such", ...call.slice(1)])).toMatch(/^2\n/);
      }
    }
  });
});

/** Runs a command whose stdout is a terminal, and tells what comes there. */
const terminal = `
import os, sys
pid, fd = os.forkpty()
if pid == 0: os.execv(sys.argv[1], sys.argv[1:])
text = b""
try:
  while True:
    more = os.read(fd, 4096)
    if not more: break
    text += more
except OSError: pass
sys.stdout.buffer.write(text)`;

describe("help on a terminal", () => {
  const onTerminal = (env: Readonly<Record<string, string>>, ...words: readonly string[]) =>
    spawnSync("python3", ["-c", terminal, `${binDirectory}/weft`, ...words], {
      encoding: "utf8",
      env: { PATH: process.env.PATH, TERM: "xterm", ...env },
    }).stdout.replace(/\r/g, "");

  plainIt("has bold letters", () => {
    expect(onTerminal({}, "help")).toContain("\u001b[1musage:\u001b[0m weft");
    expect(onTerminal({ NO_COLOR: "" }, "help", "add")).toContain("\u001b[1m--conf FILE\u001b[0m");
  });

  plainIt.each([{ NO_COLOR: "1" }, { TERM: "dumb" }])("has none with %j", (env) => {
    expect(onTerminal(env, "help")).toBe(weft("help").stdout);
    expect(onTerminal(env, "help", "add")).toBe(weft("help", "add").stdout);
  });
});
