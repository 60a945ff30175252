/** What README's commands do: the demo, and installation under a running node. */
import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, it as plainIt } from "vitest";
import { binDirectory } from "./bed/paths.ts";

const root = resolve(import.meta.dirname, "..");
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

function script(...words: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(`${root}/tools/install.sh`, words, { encoding: "utf8" });
}

function install(target: string, source = binDirectory): SpawnSyncReturns<string> {
  return script("install", source, target);
}

function inodes(folder: string): readonly number[] {
  return [...new Set(names.map((name) => statSync(join(folder, name)).ino))];
}

describe("the demo", () => {
  it("connects two containers, shows it, and leaves nothing on the machine", () => {
    const before = spawnSync("sh", ["-c", machine], { encoding: "utf8" }).stdout;
    const demo = spawnSync(`${root}/tools/demo.sh`, { encoding: "utf8", timeout: 50_000 });
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

  it("replaces other programs and links, and says so; leaves alone what is not ours", ({
    folder,
  }) => {
    writeFileSync(join(folder, "bridge"), "#!/bin/sh\n", { mode: 0o755 });
    writeFileSync(join(folder, "elsewhere"), "precious");
    symlinkSync("elsewhere", join(folder, "loopback"));
    const { status, stdout } = install(folder);
    expect(status).toBe(0);
    expect(stdout).toContain(`${folder}/bridge: installed, replaced another file of 10 bytes`);
    expect(stdout).toContain(`${folder}/loopback: installed, was a link to elsewhere`);
    expect(readFileSync(join(folder, "elsewhere"), "utf8")).toBe("precious");
    expect(inodes(folder)).toHaveLength(1);
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
    const command = `i=0; while [ $i -lt 8 ]; do "$0" install "$1" "$2" >/dev/null || exit 1; i=$((i+1)); done`;
    const words = ["-c", command, `${root}/tools/install.sh`, binDirectory, folder];
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
      runs++;
      await new Promise((next) => setTimeout(next, 1));
    }
    expect(await ended).toBe(0);
    expect(runs).toBeGreaterThan(5);
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

  it("refuses a folder whose names are not one file", ({ folder }) => {
    const source = join(folder, "source");
    mkdirSync(source);
    cpSync(join(binDirectory, "weft"), join(source, "weft"));
    linkSync(join(source, "weft"), join(source, "bridge"));
    cpSync(join(binDirectory, "loopback"), join(source, "loopback"));
    const { status, stderr } = install(join(folder, "target"), source);
    expect([status, stderr]).toEqual([1, expect.stringContaining('Cannot install "loopback"')]);
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
    expect(script("uninstall", folder)).toMatchObject({ status: 0, stderr: "" });
    expect(readdirSync(folder)).toEqual(["calico"]);
    expect(script("uninstall", folder)).toMatchObject({
      status: 1,
      stderr: `Cannot uninstall from "${folder}": there is no "weft" in it\n`,
    });
    expect(existsSync(join(folder, "calico"))).toBe(true);
  });

  it("make install BINDIR=… DESTDIR=… does it from the checkout", ({ folder }) => {
    const words = [
      "--no-print-directory",
      "-o",
      "all",
      "install",
      "BINDIR=/b",
      `DESTDIR=${folder}`,
    ];
    const env = { ...process.env, MAKEFLAGS: "" };
    const made = spawnSync("make", words, { cwd: root, encoding: "utf8", env });
    expect(made).toMatchObject({ status: 0, stderr: "" });
    expect(readdirSync(join(folder, "b")).sort()).toEqual(readdirSync(`${root}/dist/bin`).sort());
  });
});
