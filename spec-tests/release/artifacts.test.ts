/** What is handed out: the archive, the image for containers, what they say of themselves, and that they are always the same. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { binDirectory } from "../bed/paths.ts";
import {
  architecture,
  archiveName,
  makeRelease,
  newFolder,
  packageName,
  root,
  sh,
  version,
} from "./release.ts";

const { folder, remove } = newFolder();
const release = join(folder, "release");
const names = readdirSync(binDirectory).sort();
const image = readFileSync(join(binDirectory, "weft"));
const archive = join(release, `${archiveName}.tar.gz`);

beforeAll(() => makeRelease(release));
afterAll(remove);

function digestOf(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function json(path: string) {
  return JSON.parse(readFileSync(path, "utf8"));
}

describe("a release", () => {
  it("has each artifact, whose checksums are right, and nothing else", () => {
    expect(readdirSync(release).sort()).toEqual(
      [
        "SHA256SUMS",
        `${archiveName}.cdx.json`,
        `${archiveName}.tar.gz`,
        `weft-${version}-oci.tar`,
        packageName,
      ].sort(),
    );
    sh('cd "$1" && sha256sum --quiet -c SHA256SUMS', release);
    expect(readFileSync(join(release, "SHA256SUMS"), "utf8").split("\n")).toHaveLength(5);
  });

  it("is the same bytes the next time, in another folder and with another umask", () => {
    const again = join(folder, "of another name/again");
    mkdirSync(join(folder, "of another name"));
    makeRelease(again, "077");
    expect(readFileSync(join(again, "SHA256SUMS"), "utf8")).toBe(
      readFileSync(join(release, "SHA256SUMS"), "utf8"),
    );
  });

  it("has one version, that of package.json, wherever one is said", () => {
    const said = spawnSync(join(binDirectory, "weft"), ["version"], { encoding: "utf8" }).stdout;
    expect(said).toBe(`weft ${version}\n`);
    const lock = json(`${root}/package-lock.json`);
    expect([lock.version, lock.packages[""].version]).toEqual([version, version]);
    const manifest = readFileSync(`${root}/deploy/weft-flannel.yaml`, "utf8");
    const images = Array.from(manifest.matchAll(/image: weft:(\S+)/g), ([, tag]) => tag);
    expect(images).toEqual([version, version]);
  });

  it("tells in its bill of materials what is linked in", () => {
    const bill = json(join(release, `${archiveName}.cdx.json`));
    expect(bill).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.5" });
    const { component, timestamp } = bill.metadata;
    expect([component.name, component.version, timestamp]).toEqual([
      "weft",
      version,
      "2027-01-15T08:00:00Z",
    ]);
    expect(component.hashes).toEqual([{ alg: "SHA-256", content: digestOf(image) }]);
    const { inputs } = json(join(binDirectory, "../meta.json"));
    const bundled = Object.keys(inputs).flatMap(
      (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [],
    );
    const components: readonly { name: string; version: string }[] = bill.components;
    expect(components.map(({ name }) => name).sort()).toEqual(
      [...new Set([...bundled, "@suchipi/quickjs", "ajv", "bearssl", "libgcc", "musl"])].sort(),
    );
    for (const { version: number } of components) expect(number).toMatch(/^\d/);
    const licenses = sh('tar -xOzf "$1" "$2/LICENSES"', archive, archiveName);
    for (const { name, version: number } of components) {
      expect(licenses).toContain(`\n${name} ${number} (`);
    }
    for (const holder of ["Fabrice Bellard", "Rich Felker", "Thomas Pornin", "Vitaly Puzrin"]) {
      expect(licenses).toContain(holder);
    }
    expect(licenses).toMatch(/GCC RUNTIME LIBRARY EXCEPTION[\s\S]*No Weakening of GCC Copyleft/);
  });
});

describe("the archive", () => {
  it.for([
    ["GNU tar", "tar -xzf"],
    ["busybox", "busybox tar -xzf"],
    ["bsdtar", "bsdtar -xzf"],
  ])("is one image with all names, as %s unpacks it", ([, command]) => {
    const { folder: to, remove: removeThis } = newFolder();
    sh(`cd "$1" && umask 022 && ${command} "$2"`, to, archive);
    const bin = join(to, archiveName, "bin");
    expect(readdirSync(bin).sort()).toEqual(names);
    expect(new Set(names.map((name) => statSync(join(bin, name)).ino)).size).toBe(1);
    expect(statSync(join(bin, "bridge")).mode).toBe(0o100755);
    expect(readFileSync(join(bin, "bridge")).equals(image)).toBe(true);
    const env = { CNI_COMMAND: "VERSION" };
    const said = spawnSync(join(bin, "bridge"), { env, input: "", encoding: "utf8" });
    expect(said.stdout).toContain("supportedVersions");
    removeThis();
  });

  it("installs itself as its README says, also of a copy that has lost its links", () => {
    const { folder: to, remove: removeThis } = newFolder();
    sh('cd "$1" && tar -xzf "$2" && cp -r --no-preserve=links "$3" copy', to, archive, archiveName);
    const readme = readFileSync(join(to, "copy/README"), "utf8");
    const [, line = ""] = /^ {4}(\.\/install\.sh install .*)$/m.exec(readme) ?? [];
    const usual = "/opt/cni/bin /usr/local/bin/weft /usr/local/share";
    expect(line).toBe(`./install.sh install bin ${usual}`);
    sh('cd "$1/copy" && ./install.sh install bin "$1/b" "$1/link" "$1/share"', to);
    expect(readdirSync(join(to, "b")).sort()).toEqual(names);
    expect(statSync(join(to, "b/bridge")).nlink).toBe(names.length);
    expect(existsSync(join(to, "share/man/man1/weft.1"))).toBe(true);
    sh('"$1/copy/bin/weft" install "$1/c"', to);
    expect(readdirSync(join(to, "c")).sort()).toEqual(names);
    removeThis();
  });

  it("belongs to root, can be written by nobody else, and has its names in order", () => {
    const lines = sh('tar -tvz --numeric-owner -f "$1"', archive).trimEnd().split("\n");
    for (const line of lines) expect(line).toMatch(/^[-dh]rw[-x]r-[-x]r-[-x] 0\/0 /);
    const paths = lines.map((line) => /\d\d:\d\d (\S+)/.exec(line)?.[1] ?? "");
    expect(paths.every((path) => path.startsWith(`${archiveName}/`))).toBe(true);
    const bin = paths.filter((path) => path.includes("/bin/"));
    expect(bin).toEqual([...bin].sort());
  });
});

describe("the image for containers", () => {
  const layout = join(folder, "oci");
  const blob = (digest: string) => join(layout, "blobs", digest.replace(":", "/"));
  beforeAll(() => {
    mkdirSync(layout);
    sh('tar -xf "$1" -C "$2"', join(release, `weft-${version}-oci.tar`), layout);
  });

  function manifestHere() {
    const [top] = json(join(layout, "index.json")).manifests;
    const index = json(blob(top.digest));
    const found = index.manifests.find(
      (one: { platform: { architecture: string } }) => one.platform.architecture === architecture,
    );
    return { top, found };
  }

  it("is an index whose parts are what their digests say", () => {
    const { top, found } = manifestHere();
    expect(top.annotations).toEqual({
      "io.containerd.image.name": `docker.io/library/weft:${version}`,
      "org.opencontainers.image.ref.name": version,
    });
    const { config, layers } = json(blob(found.digest));
    const all = [top, found, config, ...layers];
    for (const { digest, size } of all) {
      const bytes = readFileSync(blob(digest));
      expect([`sha256:${digestOf(bytes)}`, bytes.length]).toEqual([digest, size]);
    }
    expect(readdirSync(join(layout, "blobs/sha256"))).toHaveLength(all.length);
    expect(json(blob(config.digest))).toMatchObject({ architecture, os: "linux" });
  });

  it("installs if nothing is said, and is weft for what is said", () => {
    const { found } = manifestHere();
    const { mediaType, digest, size } = found;
    const annotations = { "org.opencontainers.image.ref.name": "it" };
    const manifests = [{ mediaType, digest, size, annotations }];
    writeFileSync(join(layout, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
    const bundle = join(folder, "bundle");
    sh('umoci unpack --image "$1:it" "$2"', layout, bundle);
    const { process: started } = json(join(bundle, "config.json"));
    expect(started.args).toEqual(["/usr/bin/weft", "install"]);
    const rootfs = join(bundle, "rootfs");
    const run = `mkdir -p "$1/opt/cni/bin" "$1/proc" && mount -t proc proc "$1/proc"
      at=$1 && shift && exec chroot "$at" "$@"`;
    const inside = (...words: readonly string[]) =>
      spawnSync("unshare", ["-m", "sh", "-euc", run, "sh", rootfs, ...words], { encoding: "utf8" });
    expect(inside(...started.args)).toMatchObject({ status: 0, stderr: "" });
    expect(readdirSync(join(rootfs, "opt/cni/bin")).sort()).toEqual(names);
    expect(inside(started.args[0], "version").stdout).toBe(`weft ${version}\n`);
    expect(inside(started.args[0], "agent", "--help").stdout).toContain("weft agent");
    const licenses = readFileSync(join(rootfs, "usr/share/doc/weft/LICENSES"), "utf8");
    expect(licenses).toContain("Fabrice Bellard");
  });
});
