/** A release of what is built, made once for a file of tests, and private machines to install it on. */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { binDirectory } from "../bed/paths.ts";

export const root = resolve(import.meta.dirname, "../..");

/** The PATH of a test run, which makes another of it (bed/programs.ts). */
export const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The version that a release has. */
export const version: string = JSON.parse(readFileSync(`${root}/package.json`, "utf8")).version;

/** Debian's name of this machine's processor. */
export const architecture = process.arch === "arm64" ? "arm64" : "amd64";

export const archiveName = `weft-${version}-linux-${architecture}`;
export const packageName = `weft_${version}_${architecture}.deb`;

/** A release in a folder; with another umask it must be the same. */
export function makeRelease(folder: string, umask = "022"): void {
  const dist = resolve(binDirectory, "..");
  const script = `umask ${umask}; exec "$@"`;
  const program = [process.execPath, `${root}/tools/release/release.mjs`, folder, dist];
  const env = { ...process.env, PATH, SOURCE_DATE_EPOCH: "1800000000" };
  must(spawnSync("sh", ["-c", script, "sh", ...program], { encoding: "utf8", env }));
}

/** A new folder below /tmp, and what removes it. */
export function newFolder(): { readonly folder: string; readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "weft-release-"));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** What a program has ended with, which must be 0. */
export function must(ended: SpawnSyncReturns<string>): string {
  if (ended.status !== 0) throw new Error(`status ${ended.status}: ${ended.stdout}${ended.stderr}`);
  return ended.stdout;
}

export function sh(script: string, ...words: readonly string[]): string {
  return must(spawnSync("sh", ["-euc", script, "sh", ...words], { encoding: "utf8" }));
}

/**
 * Runs a script on a machine of its own: the programs of this one, of whose files nothing that is changed
 * stays, with an empty list of packages and an empty /opt. `/release` is the given folder.
 */
export function onNewMachine(release: string, script: string): SpawnSyncReturns<string> {
  const words = ["-m", "sh", "-euc", machine, "sh", release, `set -eu\n${script}`];
  const env = { PATH, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
  return spawnSync("unshare", words, { encoding: "utf8", env, input: "" });
}

/** All that is mounted here ends with the namespace. */
const machine = `
  mount -t tmpfs machine /mnt
  cd /mnt
  mkdir -p opt var/lib/dpkg/info var/lib/dpkg/updates var/lib/dpkg/triggers tmp run release proc dev usr etc
  for part in usr etc; do
    mkdir -p "upper/$part" "work/$part"
    mount -t overlay overlay -o "lowerdir=/$part,upperdir=upper/$part,workdir=work/$part" "$part"
  done
  for name in bin sbin lib lib64; do [ ! -L "/$name" ] || ln -s "usr/$name" "$name"; done
  rm -rf usr/lib/weft usr/bin/weft usr/share/doc/weft
  touch var/lib/dpkg/status var/lib/dpkg/available
  mount -t proc proc proc
  mount --rbind /dev dev
  mount --bind "$1" release
  exec chroot . sh -c "$2"
`;
