/** `weft install`: what the init container of a DaemonSet does on a node that runs pods meanwhile. */
import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
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

const names = readdirSync(binDirectory).sort();
const weft = join(binDirectory, "weft");
const conflist = resolve(import.meta.dirname, "../../deploy/10-flannel.conflist");

const it = plainIt.extend<{ readonly folder: string }>({
  // biome-ignore lint/correctness/noEmptyPattern: the runner requires a destructured parameter
  async folder({}, use) {
    const folder = mkdtempSync(join(tmpdir(), "weft-install-"));
    await use(folder);
    rmSync(folder, { recursive: true });
  },
});

function install(...words: readonly string[]) {
  return spawnSync(weft, ["install", ...words], { encoding: "utf8" });
}

/** All that is in a folder: names with inode, time and mode, or what links lead to. */
function stateOf(folder: string): readonly string[] {
  return readdirSync(folder)
    .sort()
    .map((name) => {
      const { ino, mtimeNs, mode } = lstatSync(join(folder, name), { bigint: true });
      return `${name} ${ino} ${mtimeNs} ${mode}`;
    });
}

/** What each name is, as a program says it: an old one, another's, or this image's. */
function kindsIn(folder: string): ReadonlySet<string> {
  const image = readFileSync(weft);
  return new Set(
    readdirSync(folder).map((name) => {
      const bytes = readFileSync(join(folder, name));
      if (bytes.equals(image)) return "new";
      return bytes.length < 100 ? "other" : "broken";
    }),
  );
}

/** An image of another version: the same but for bytes that nobody reads. */
function olderImage(): Buffer {
  return Buffer.concat([readFileSync(weft), Buffer.from("older")]);
}

describe("weft install", () => {
  it("makes a folder with all names, and the list last", ({ folder }) => {
    const [bin, conf] = [join(folder, "opt/cni/bin"), join(folder, "net.d")];
    const { status, stdout, stderr } = install(bin, "--conflist", conflist, `--conf-dir=${conf}`);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout.trimEnd().split("\n").at(-1)).toBe(`${conf}/10-flannel.conflist: installed`);
    expect(readdirSync(bin).sort()).toEqual(names);
    expect(readdirSync(conf)).toEqual(["10-flannel.conflist"]);
    expect(statSync(join(bin, "bridge"))).toMatchObject({
      nlink: names.length - 1,
      mode: 0o100755,
    });
    expect(statSync(join(bin, "flannel")).nlink).toBe(1);
    const env = { CNI_COMMAND: "VERSION" };
    const run = spawnSync(join(bin, "bridge"), { encoding: "utf8", input: "", env });
    expect(run.stdout).toContain("supportedVersions");
  });

  it("changes nothing the second time", ({ folder }) => {
    const words = [folder, "--conflist", conflist, "--conf-dir", join(folder, "net.d")];
    install(...words);
    const before = [stateOf(folder), stateOf(join(folder, "net.d"))];
    const { status, stdout } = install(...words);
    expect([status, stdout]).toEqual([0, `${folder}: all ${names.length} names are in place\n`]);
    expect([stateOf(folder), stateOf(join(folder, "net.d"))]).toEqual(before);
  });

  it("keeps others' programs of the same names, and gives them back", ({ folder }) => {
    writeFileSync(join(folder, "bridge"), "theirs", { mode: 0o700 });
    symlinkSync("/nowhere", join(folder, "loopback"));
    writeFileSync(join(folder, "calico"), "theirs");
    const before = stateOf(folder);
    const { stdout } = install(folder);
    expect(stdout).toContain("what was there is kept as .weft-before.bridge");
    install(folder);
    expect(install("--uninstall", folder)).toMatchObject({ status: 0, stderr: "" });
    expect(stateOf(folder)).toEqual(before);
    expect(readlinkSync(join(folder, "loopback"))).toBe("/nowhere");
    const again = install("--uninstall", folder);
    expect([again.status, again.stdout]).toEqual([0, `${folder}: nothing of weft is there\n`]);
  });

  it("takes the place of an older image, also of names that are no more", ({ folder }) => {
    writeFileSync(join(folder, "weft"), olderImage(), { mode: 0o755 });
    for (const name of ["bridge", "former"]) linkSync(join(folder, "weft"), join(folder, name));
    expect(install(folder)).toMatchObject({ status: 0, stderr: "" });
    expect(readdirSync(folder).sort()).toEqual(names);
    expect([...kindsIn(folder)]).toEqual(["new"]);
  });

  it("lives through flannel's init container, which writes in place", ({ folder }) => {
    install(folder);
    const flannel = join(folder, "theirs");
    writeFileSync(flannel, "flannel's own", { mode: 0o755 });
    expect(spawnSync("cp", ["-f", flannel, join(folder, "flannel")]).status).toBe(0);
    rmSync(flannel);
    expect(readFileSync(join(folder, "bridge")).equals(readFileSync(weft))).toBe(true);
    expect(install("--uninstall", folder).status).toBe(0);
    expect(readdirSync(folder)).toEqual(["flannel"]);
    expect(readFileSync(join(folder, "flannel"), "utf8")).toBe("flannel's own");
  });

  it("works while an older program runs, which goes on", ({ folder }) => {
    const older = join(folder, "dhcp");
    writeFileSync(older, olderImage(), { mode: 0o755 });
    const socket = join(folder, "dhcp.sock");
    const daemon = spawn(older, ["daemon", "-socketpath", socket], { stdio: "ignore" });
    try {
      spawnSync("sh", ["-c", `until [ -S ${socket} ]; do sleep 0.02; done`], { timeout: 60_000 });
      expect(install(folder)).toMatchObject({ status: 0, stderr: "" });
      expect(daemon.exitCode).toBeNull();
      expect(readlinkSync(`/proc/${daemon.pid}/exe`)).toBe(`${older} (deleted)`);
    } finally {
      daemon.kill("SIGKILL");
    }
  });
});

describe("weft install, where something fails,", () => {
  it.for([
    ["link", "EMLINK"],
    ["link", "ENOSPC"],
    ["fsync", "EIO"],
    ["write", "ENOSPC"],
    ["openat,open", "EMFILE"],
  ])("changes nothing if %s says %s", ([call = "", error = ""], { folder }) => {
    writeFileSync(join(folder, "bridge"), "theirs");
    const before = stateOf(folder);
    const inject = `inject=${call}:error=${error}:when=${call.startsWith("open") ? 6 : 1}+`;
    const words = ["-qq", "-o", "/dev/null", "-e", inject, weft, "install", folder];
    const { status, stderr } = spawnSync("strace", words, { encoding: "utf8" });
    expect(status).toBe(1);
    if (call !== "write") expect(stderr).toMatch(/^weft: Cannot /);
    expect(stateOf(folder)).toEqual(before);
  });

  it.for(
    [1, 2, 5, 12, 22].flatMap(
      (nth) =>
        [
          ["rename", nth],
          ["link", nth],
        ] as const,
    ),
  )(
    "has whole programs if it is killed at %s number %d, and the next run does the rest",
    ([call, nth], { folder }) => {
      writeFileSync(join(folder, "bridge"), "theirs");
      writeFileSync(join(folder, "weft"), olderImage(), { mode: 0o755 });
      linkSync(join(folder, "weft"), join(folder, "portmap"));
      const inject = `inject=${call}:signal=KILL:when=${nth}`;
      spawnSync("strace", ["-qq", "-o", "/dev/null", "-e", inject, weft, "install", folder]);
      const programs = readdirSync(folder).filter((name) => names.includes(name));
      for (const name of programs) {
        const bytes = readFileSync(join(folder, name));
        const isWhole = [readFileSync(weft), olderImage(), Buffer.from("theirs")].some((each) =>
          bytes.equals(each),
        );
        expect([name, isWhole]).toEqual([name, true]);
      }
      expect(install(folder)).toMatchObject({ status: 0, stderr: "" });
      expect(readdirSync(folder).sort()).toEqual([".weft-before.bridge", ...names]);
      expect(install("--uninstall", folder).status).toBe(0);
      expect(readdirSync(folder)).toEqual(["bridge"]);
      expect(readFileSync(join(folder, "bridge"), "utf8")).toBe("theirs");
    },
  );

  it.for([
    ["a full disk", "mount -t tmpfs -o size=1m full"],
    ["a file system that cannot be written", "mount -t tmpfs -o ro locked"],
  ])("leaves %s as it is", ([, mount], { folder }) => {
    const script = `${mount} "$2" && "$1" install "$2"; echo $?; ls -A "$2"`;
    const words = ["-m", "sh", "-c", script, "sh", weft, folder];
    const { stdout, stderr } = spawnSync("unshare", words, { encoding: "utf8" });
    expect(stdout).toBe("1\n");
    expect(stderr).toMatch(/^weft: Cannot .*(ENOSPC|EROFS)/);
  });

  it("refuses a name that a directory has, before anything is changed", ({ folder }) => {
    mkdirSync(join(folder, "loopback"));
    const { status, stderr } = install(folder);
    expect([status, stderr]).toEqual([
      1,
      `weft: Cannot install "${folder}/loopback": a directory has that name\n`,
    ]);
    expect(readdirSync(folder)).toEqual(["loopback"]);
  });

  it.for([
    ["{", "Cannot install"],
    ['{"name": "x", "plugins": []}', "plugins"],
    ['{"name": "../x", "cniVersion": "1.0.0", "plugins": [{"type": "bridge"}]}', "name"],
  ])("refuses %s for a list, before anything is changed", ([text = "", word = ""], { folder }) => {
    const list = join(folder, "list");
    writeFileSync(list, text);
    const { status, stderr } = install(join(folder, "bin"), "--conflist", list);
    expect(status).toBe(1);
    expect(stderr).toContain(word);
    expect(existsSync(join(folder, "bin"))).toBe(false);
  });
});

describe("weft install --uninstall", () => {
  it("takes a list that is as it was put there, and leaves another", ({ folder }) => {
    const own = join(folder, "own.json");
    copyFileSync(conflist, own);
    const [bin, conf] = [join(folder, "bin"), join(folder, "net.d")];
    const words = [bin, "--conflist", own, "--conf-dir", conf, "--conf-name", "5-x.conflist"];
    install(...words);
    writeFileSync(join(conf, "5-x.conflist"), "{}");
    expect(install("--uninstall", ...words).stdout).toContain("5-x.conflist: left alone");
    install(...words);
    expect(install("--uninstall", ...words).stdout).toContain("5-x.conflist: removed");
    expect([readdirSync(bin), readdirSync(conf)]).toEqual([[], []]);
  });

  it("loses nothing that others have put there meanwhile", ({ folder }) => {
    for (const name of ["bridge", "ptp"]) writeFileSync(join(folder, name), `first ${name}`);
    install(folder);
    rmSync(join(folder, "ptp"));
    rmSync(join(folder, "bridge"));
    writeFileSync(join(folder, "bridge"), "second");
    const { status, stdout } = install("--uninstall", folder);
    expect(status).toBe(0);
    expect(stdout).toContain(`${folder}/ptp: what was there before is back\n`);
    expect(stdout).toContain("bridge: another program, left alone; what was there before is still");
    const contents = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
    expect(contents).toEqual(["first bridge", "second", "first ptp"]);
  });

  it("leaves what is not readable, and links", ({ folder }) => {
    install(folder);
    symlinkSync("bridge", join(folder, "a-link"));
    writeFileSync(join(folder, "secret"), "x", { mode: 0 });
    chmodSync(join(folder, "secret"), 0);
    expect(install("--uninstall", folder).status).toBe(0);
    expect(readdirSync(folder).sort()).toEqual(["a-link", "secret"]);
  });

  it.for([["a", "b"], ["--conf-name=a/b"], ["--nothing"], [""]])(
    "refuses the words %j",
    (words) => {
      expect(install(...words).status).toBe(2);
    },
  );
});
