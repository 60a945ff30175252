/** What README's commands do: the demo, and installation under a running node. */
import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, it as plainIt } from "vitest";
import { binDirectory } from "../bed/paths.ts";

const root = resolve(import.meta.dirname, "../..");
const names = readdirSync(binDirectory).sort();

/** A test with a folder of its own, and a private mount and network namespace to look from. */
const it = plainIt.extend<{ readonly folder: string }>({
  // biome-ignore lint/correctness/noEmptyPattern: the runner requires a destructured parameter
  async folder({}, use) {
    const folder = mkdtempSync(join(tmpdir(), "weft-install-"));
    await use(folder);
    rmSync(folder, { recursive: true });
  },
});

function script(env: Readonly<Record<string, string>>, ...words: readonly string[]) {
  const all = { ...process.env, DESTDIR: "", ...env };
  return spawnSync(`${root}/tools/install.sh`, words, { encoding: "utf8", env: all });
}

function install(target: string, source = binDirectory): SpawnSyncReturns<string> {
  return script({}, "install", source, target);
}

function inodes(folder: string): readonly number[] {
  return [...new Set(names.map((name) => statSync(join(folder, name)).ino))];
}

describe("the demo", () => {
  it("connects two containers, shows it, and leaves nothing on the machine", () => {
    const before = spawnSync("sh", ["-c", machine], { encoding: "utf8" }).stdout;
    const demo = spawnSync(`${root}/tools/demo.sh`, { encoding: "utf8" });
    expect(demo.stderr.replace(/^# Warning: .*\n/gm, "")).toBe("");
    expect(demo.status).toBe(0);
    for (const line of [
      /"ip": "10\.15\.20\.2\/24"/,
      /1234567890 -> 10\.15\.20\.3 .*the other container/,
      /1234567890 -> 203\.0\.113\.2 .*masquerade works/,
      /^table inet weft/m,
      /The bridge stays for the next container; all else is gone\./,
    ]) {
      expect(demo.stdout).toMatch(line);
    }
    expect(spawnSync("sh", ["-c", machine], { encoding: "utf8" }).stdout).toBe(before);
  });
});

/** The parts of the machine's own state that a leaking demo would change. */
const machine = `
  ip -br link; ip address show; nft list tables; ls /run/netns /var/lib/cni 2>&1
  cat /proc/sys/net/ipv4/ip_forward; mount | sort`;

describe("install", () => {
  it("makes the folder, and all names one executable file that works", ({ folder }) => {
    const target = join(folder, "opt/cni/bin");
    expect(install(target)).toMatchObject({ status: 0, stderr: "" });
    expect(readdirSync(target).sort()).toEqual(names);
    expect(inodes(target)).toHaveLength(1);
    expect(statSync(join(target, "bridge"))).toMatchObject({ uid: 0, mode: 0o100755 });
    const env = { CNI_COMMAND: "VERSION" };
    const answer = spawnSync(join(target, "bridge"), { env, input: "", encoding: "utf8" });
    expect(JSON.parse(answer.stdout).supportedVersions).toContain("1.1.0");
  });

  it("keeps other programs and links beside, says so, and gives them back", ({ folder }) => {
    writeFileSync(join(folder, "bridge"), "#!/bin/sh\n", { mode: 0o700 });
    writeFileSync(join(folder, "elsewhere"), "precious");
    symlinkSync("elsewhere", join(folder, "loopback"));
    const { status, stdout } = install(folder);
    expect(status).toBe(0);
    for (const name of ["bridge", "loopback"]) {
      const kept = `what was there is kept as .weft-before.${name}`;
      expect(stdout).toContain(`${folder}/${name}: installed, ${kept}\n`);
    }
    expect(inodes(folder)).toHaveLength(1);
    expect(install(folder).status).toBe(0);
    expect(script({}, "uninstall", folder)).toMatchObject({ status: 0, stderr: "" });
    expect(readdirSync(folder)).toEqual(["bridge", "elsewhere", "loopback"]);
    expect(readFileSync(join(folder, "bridge"), "utf8")).toBe("#!/bin/sh\n");
    expect(statSync(join(folder, "bridge")).mode).toBe(0o100700);
    expect(readlinkSync(join(folder, "loopback"))).toBe("elsewhere");
    expect(readFileSync(join(folder, "elsewhere"), "utf8")).toBe("precious");
  });

  it("and weft install know each other's installations", ({ folder }) => {
    const weft = join(binDirectory, "weft");
    writeFileSync(join(folder, "bridge"), "theirs");
    expect(install(folder).status).toBe(0);
    expect(spawnSync(weft, ["install", folder]).status).toBe(0);
    const again = install(folder);
    expect(again.stdout).toContain(`${folder}/bridge: installed, the same as before`);
    expect(spawnSync(weft, ["install", "--uninstall", folder]).status).toBe(0);
    expect(readdirSync(folder)).toEqual(["bridge"]);
    expect(readFileSync(join(folder, "bridge"), "utf8")).toBe("theirs");
  });

  it("works while the old program runs, which goes on", ({ folder }) => {
    expect(install(folder).status).toBe(0);
    const running = spawn(join(folder, "weft"), ["validate"], { stdio: ["pipe", "pipe", "pipe"] });
    const [old] = inodes(folder);
    const again = install(folder);
    expect(again).toMatchObject({ status: 0, stderr: "" });
    expect(again.stdout).toContain(`${folder}/weft: installed, the same as before`);
    expect(inodes(folder)).not.toEqual([old]);
    expect(running.exitCode).toBeNull();
    running.kill("SIGKILL");
  });

  it("shows a runtime the old program or the new one, whole, at every moment", async ({
    folder,
  }) => {
    expect(install(folder).status).toBe(0);
    const enough = join(folder, "enough");
    const command = `until [ -e "$3" ]; do "$0" install "$1" "$2" >/dev/null || exit 1; done`;
    const words = ["-c", command, `${root}/tools/install.sh`, binDirectory, folder, enough];
    const installing = spawn("sh", words, { stdio: "inherit" });
    const ended = new Promise((done) => installing.on("exit", done));
    let runs = 0;
    while (installing.exitCode === null) {
      const answer = spawnSync(join(folder, "bridge"), {
        env: { CNI_COMMAND: "VERSION" },
        input: "",
      });
      expect(answer.error).toBeUndefined();
      expect(answer.status).toBe(0);
      if (++runs === 100) writeFileSync(enough, "");
      await new Promise((next) => setTimeout(next, 1));
    }
    expect(await ended).toBe(0);
    expect(runs).toBeGreaterThanOrEqual(100);
  });

  it("changes nothing if one name cannot be replaced", ({ folder }) => {
    mkdirSync(join(folder, "loopback"));
    const { status, stderr } = install(folder);
    expect([status, stderr]).toEqual([
      1,
      `Cannot install "${folder}/loopback": a directory has that name\n`,
    ]);
    expect(readdirSync(folder)).toEqual(["loopback"]);
  });

  it.for([
    ["copies, as scp -r and cp -r make them", 'cp -r --no-preserve=links "$1" "$2"'],
    [
      "symbolic links",
      'mkdir "$2"; cp "$1/weft" "$2"; cd "$1"; for n in *; do ln -s weft "$2/$n"; done',
    ],
  ])("makes one file again of %s", ([, copy = ""], { folder }) => {
    const [source, target] = [join(folder, "source"), join(folder, "target")];
    spawnSync("sh", ["-c", copy, "sh", binDirectory, source]);
    expect(readdirSync(source).sort()).toEqual(names);
    const notLinked = names.filter((name) => lstatSync(join(source, name)).nlink === 1);
    expect(notLinked).toEqual(names);

    expect(install(target, source)).toMatchObject({ status: 0, stderr: "" });
    expect(readdirSync(target).sort()).toEqual(names);
    expect(inodes(target)).toHaveLength(1);
    expect(lstatSync(join(target, "bridge"))).toMatchObject({ nlink: names.length });
  });

  it("makes one file again of what a copy without links brought there", ({ folder }) => {
    spawnSync("cp", ["-r", "--no-preserve=links", `${binDirectory}/.`, folder]);
    expect(inodes(folder)).toHaveLength(names.length);
    const { status, stdout } = install(folder);
    expect(status).toBe(0);
    expect(stdout.match(/installed, the same as before/g)).toHaveLength(names.length);
    expect(inodes(folder)).toHaveLength(1);
  });

  it("refuses a folder whose names are not one program", ({ folder }) => {
    const source = join(folder, "source");
    mkdirSync(source);
    cpSync(join(binDirectory, "weft"), join(source, "weft"));
    linkSync(join(source, "weft"), join(source, "bridge"));
    writeFileSync(join(source, "loopback"), "half of it");
    const { status, stderr } = install(join(folder, "target"), source);
    expect([status, stderr]).toEqual([
      1,
      `Cannot install "loopback": it is another file than "${source}/weft", copy or build again\n`,
    ]);
  });

  it("refuses a program that this machine cannot run, before it replaces any", ({ folder }) => {
    const source = join(folder, "source");
    const target = join(folder, "target");
    expect(install(target).status).toBe(0);
    mkdirSync(source);
    const image = readFileSync(join(binDirectory, "weft"));
    const processor = process.arch === "x64" ? 183 : 62;
    image.writeUInt16LE(processor, 18);
    writeFileSync(join(source, "weft"), image, { mode: 0o755 });
    const [before] = inodes(target);
    const { status, stderr } = install(target, source);
    expect([status, stderr]).toEqual([
      1,
      `Cannot install from "${source}": "weft" is not a program for this processor\n`,
    ]);
    expect(inodes(target)).toEqual([before]);
    expect(readdirSync(target).sort()).toEqual(names);

    const staged = script({ DESTDIR: target }, "install", source, "/image");
    expect(staged).toMatchObject({ status: 0, stderr: "" });
    expect(statSync(join(target, "image/weft")).size).toBe(image.length);
  });

  it("installs into another file system, again and again", ({ folder }) => {
    const command = `mount -t tmpfs other "$2" && "$0" install "$1" "$2" >/dev/null &&
      "$0" install "$1" "$2" | grep -vc "the same as before"; stat -c %h "$2/bridge"; ls -A "$2" | wc -l`;
    const words = ["-m", "sh", "-c", command, `${root}/tools/install.sh`, binDirectory, folder];
    const { stdout, stderr } = spawnSync("unshare", words, { encoding: "utf8" });
    expect([stdout, stderr]).toEqual([`0\n${names.length}\n${names.length}\n`, ""]);
  });

  it("leaves nothing half-done when the disk is full", ({ folder }) => {
    const full = `mount -t tmpfs -o size=1m full "$2" && "$0" install "$1" "$2"; echo $?; ls -A "$2"`;
    const words = ["-m", "sh", "-c", full, `${root}/tools/install.sh`, binDirectory, folder];
    const { stdout, stderr } = spawnSync("unshare", words, { encoding: "utf8" });
    expect(stdout).toBe("1\n");
    expect(stderr).toMatch(/No space left on device/);
  });

  it("uninstall removes our names and nothing else, and says if there is nothing", ({ folder }) => {
    expect(install(folder).status).toBe(0);
    writeFileSync(join(folder, "calico"), "");
    symlinkSync("bridge", join(folder, "a-link-of-others"));
    expect(script({}, "uninstall", folder)).toMatchObject({ status: 0, stderr: "" });
    expect(readdirSync(folder)).toEqual(["a-link-of-others", "calico"]);
    expect(script({}, "uninstall", folder)).toMatchObject({
      status: 1,
      stderr: `Cannot uninstall from "${folder}": there is no "weft" in it\n`,
    });
    expect(existsSync(join(folder, "calico"))).toBe(true);
  });

  it("uninstall also removes what a copy without links brought", ({ folder }) => {
    spawnSync("cp", ["-r", "--no-preserve=links", `${binDirectory}/.`, folder]);
    writeFileSync(join(folder, "calico"), "");
    expect(script({}, "uninstall", folder)).toMatchObject({ status: 0, stderr: "" });
    expect(readdirSync(folder)).toEqual(["calico"]);
  });

  it("make install BINDIR=… DESTDIR=… does it from the checkout, and make uninstall takes it away", ({
    folder,
  }) => {
    const made = make("install", "BINDIR=/b", `DESTDIR=${folder}`);
    expect(made).toMatchObject({ status: 0, stderr: "" });
    expect(readdirSync(join(folder, "b")).sort()).toEqual(readdirSync(`${root}/dist/bin`).sort());
    expect(readlinkSync(join(folder, "usr/local/bin/weft"))).toBe("/b/weft");
    expect(filesBelow(join(folder, "usr/local/share"))).toContain("man/man1/weft-add.1");

    const gone = make("uninstall", "BINDIR=/b", `DESTDIR=${folder}`);
    expect(gone).toMatchObject({ status: 0, stderr: "" });
    expect(readdirSync(join(folder, "b"))).toEqual([]);
    expect(readdirSync(join(folder, "usr/local/bin"))).toEqual([]);
    expect(filesBelow(join(folder, "usr/local/share"))).toEqual([]);
  });
});

/** The files of a folder and of those below, by their paths in it. */
function filesBelow(folder: string): readonly string[] {
  const all = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return all.filter((name) => !lstatSync(join(folder, name)).isDirectory()).sort();
}

/** Runs make in the checkout, with what is built already. */
function make(...words: readonly string[]): SpawnSyncReturns<string> {
  const env = { ...process.env, MAKEFLAGS: "" };
  const options = { cwd: root, encoding: "utf8", env } as const;
  return spawnSync("make", ["--no-print-directory", "-o", "all", ...words], options);
}

describe("the link by which a shell finds weft", () => {
  it("leads to the installed program, stays at the next install, goes with uninstall", ({
    folder,
  }) => {
    const [target, link] = [join(folder, "plugins"), join(folder, "local/bin/weft")];
    const made = script({}, "install", binDirectory, target, link);
    expect(made).toMatchObject({ status: 0, stderr: "" });
    expect(made.stdout).toContain(`${link}: link to ${target}/weft\n`);
    expect(spawnSync(link, ["list"], { encoding: "utf8" }).stdout).toContain("bridge\n");

    expect(script({}, "install", binDirectory, target, link)).toMatchObject({ status: 0 });
    expect(readlinkSync(link)).toBe(`${target}/weft`);

    expect(script({}, "uninstall", target, link)).toMatchObject({ status: 0, stderr: "" });
    expect(readdirSync(join(folder, "local/bin"))).toEqual([]);
  });

  it("never takes the place of anything else, nor is that removed", ({ folder }) => {
    const at = (name: string) => join(folder, name);
    const [target, file, link] = [at("plugins"), at("file"), at("link")];
    writeFileSync(file, "precious");
    symlinkSync("elsewhere", link);
    for (const name of [file, link]) {
      const made = script({}, "install", binDirectory, target, name);
      expect(made.status).toBe(0);
      expect(made.stdout).toContain(`${name}: something else has this name, no link was made\n`);
      expect(script({}, "uninstall", target, name)).toMatchObject({ status: 0, stderr: "" });
    }
    expect(readFileSync(file, "utf8")).toBe("precious");
    expect(readlinkSync(link)).toBe("elsewhere");
  });

  it("is not needed where the programs themselves are in PATH", ({ folder }) => {
    const link = join(folder, "weft");
    expect(script({}, "install", binDirectory, folder, link)).toMatchObject({ status: 0 });
    expect(inodes(folder)).toHaveLength(1);
    expect(script({}, "uninstall", folder, link)).toMatchObject({ status: 0, stderr: "" });
  });

  it("is left out, and that is said, where nothing can be written", ({ folder }) => {
    const target = join(folder, "plugins");
    const made = script({}, "install", binDirectory, target, "/proc/no/weft");
    expect(made.status).toBe(0);
    expect(made.stdout).toContain(
      '/proc/no/weft: no link was made, "/proc/no" cannot be written\n',
    );
  });
});

describe("the manual and completion of weft", () => {
  const completion = [
    "bash-completion/completions/weft",
    "fish/vendor_completions.d/weft.fish",
    "zsh/site-functions/_weft",
  ];

  it("go where man and shells look for them, again and again, and go with uninstall", ({
    folder,
  }) => {
    const [target, share] = [join(folder, "plugins"), join(folder, "share")];
    for (const _ of ["first", "again"]) {
      const made = script({}, "install", binDirectory, target, "", share);
      expect(made).toMatchObject({ status: 0, stderr: "" });
      const files = filesBelow(share);
      expect(files).toEqual(expect.arrayContaining([...completion, "man/man1/weft.1"]));
      expect(made.stdout).toContain(`${share}: ${files.length} files of manual and completion\n`);
    }
    expect(statSync(join(share, "man/man1/weft.1")).mode).toBe(0o100644);
    for (const [shell, name] of [
      ["bash", completion[0]],
      ["fish", completion[1]],
      ["zsh", completion[2]],
    ]) {
      const said = spawnSync(join(target, "weft"), ["completion", `${shell}`], {
        encoding: "utf8",
      });
      expect(readFileSync(join(share, `${name}`), "utf8")).toBe(said.stdout);
    }
    writeFileSync(join(share, "man/man1/weft-of-others.1"), "precious");
    expect(script({}, "uninstall", target, "", share)).toMatchObject({ status: 0, stderr: "" });
    expect(filesBelow(share)).toEqual(["man/man1/weft-of-others.1"]);
  });

  it("have a page of the manual for every command that help lists", () => {
    const help = spawnSync(join(binDirectory, "weft"), ["help"], { encoding: "utf8" }).stdout;
    const commands = Array.from(
      help.matchAll(/^[a-z ]{11}([a-z]+) +[a-z]/gm),
      ([, name]) => `${name}`,
    );
    expect(commands).toContain("add");
    const pages = readdirSync(join(binDirectory, "../man/man1"));
    const isTold = (name: string) => pages.some((page) => page.startsWith(`weft-${name}`));
    expect(commands.filter((name) => !isTold(name))).toEqual([]);
  });

  it("never take the place of anything else, nor is that removed", ({ folder }) => {
    const [target, share] = [join(folder, "plugins"), join(folder, "share")];
    const [page, link] = [join(share, "man/man1/weft.1"), join(share, "man/man1/weft-add.1")];
    mkdirSync(join(share, "man/man1"), { recursive: true });
    writeFileSync(page, "precious");
    symlinkSync("weft.1", link);
    const made = script({}, "install", binDirectory, target, "", share);
    expect(made).toMatchObject({ status: 0, stderr: "" });
    for (const name of [page, link]) {
      expect(made.stdout).toContain(`${name}: something else has this name, it was left alone\n`);
    }
    expect(script({}, "uninstall", target, "", share)).toMatchObject({ status: 0, stderr: "" });
    expect(filesBelow(share)).toEqual(["man/man1/weft-add.1", "man/man1/weft.1"]);
    expect(readFileSync(page, "utf8")).toBe("precious");
  });

  it("are left out, and that is said, where nothing can be written", ({ folder }) => {
    const made = script({}, "install", binDirectory, join(folder, "b"), "", "/proc/no");
    expect(made.status).toBe(0);
    expect(made.stdout).toContain("/proc/no: no manual and no completion, it cannot be written\n");
  });

  it("are left out where only the programs were copied", ({ folder }) => {
    const source = join(folder, "copy/bin");
    cpSync(binDirectory, source, { recursive: true });
    const share = join(folder, "share");
    const made = script({}, "install", source, join(folder, "b"), "", share);
    expect(made).toMatchObject({ status: 0, stderr: "" });
    expect(existsSync(share)).toBe(false);
  });
});
