/**
 * An upgrade by `make install` and by `weft install` where something is in the way: nothing half-written,
 * and the old programs still work. release/package.test.ts asks the same of the package.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, it as plainIt } from "vitest";
import { binDirectory } from "../bed/paths.ts";

const installer = resolve(import.meta.dirname, "../../tools/install.sh");
const names = readdirSync(binDirectory).sort();
const image = readFileSync(join(binDirectory, "weft"));
const ways = [
  ["make install", `${installer} install ${binDirectory} bin`],
  ["weft install", `${binDirectory}/weft install bin`],
] as const;

const it = plainIt.extend<{ readonly folder: string }>({
  // biome-ignore lint/correctness/noEmptyPattern: the runner requires a destructured parameter
  async folder({}, use) {
    const folder = mkdtempSync(join(tmpdir(), "weft-hindered-"));
    // Another version: the same but for bytes that nobody reads.
    writeFileSync(join(folder, "older"), Buffer.concat([image, Buffer.from("older")]));
    mkdirSync(join(folder, "bin"));
    await use(folder);
    rmSync(folder, { recursive: true });
  },
});

/** Words of a shell: the older version is in `bin`, beside a program of somebody else. */
const older = `
  cp older bin/weft; chmod 755 bin/weft; echo theirs >bin/calico
  for name in ${names.join(" ")}; do [ $name = weft ] || ln bin/weft bin/$name; done`;

/** Runs a script in the folder, whose mounts nobody else sees. */
function run(folder: string, script: string) {
  const env = { ...process.env, DESTDIR: "" };
  const words = ["-m", "sh", "-euc", `cd ${folder}\n${script}`];
  return spawnSync("unshare", words, { encoding: "utf8", env });
}

describe.for(ways)("%s", ([, command]) => {
  it.for([
    ["full", "head -c 100000000 /dev/zero >bin/filler 2>/dev/null || true", /No space|ENOSPC/],
    ["read-only", "mount -o remount,ro bin", /Read-only|EROFS/],
  ] as const)(
    "leaves the older programs at work where the directory is %s",
    ([, hinder, words], { folder }) => {
      const { status, stdout, stderr } = run(
        folder,
        `mount -t tmpfs -o size=6m other bin
        ${older}
        ${hinder}
        ls -A bin >before
        ${command} >/dev/null && echo unexpected
        ls -A bin | diff before -
        for name in ${names.join(" ")}; do cmp bin/$name older; done
        CNI_COMMAND=VERSION bin/bridge </dev/null | grep -c supportedVersions`,
      );
      expect([status, stdout]).toEqual([0, "1\n"]);
      expect(stderr).toMatch(words);
    },
  );

  it("exchanges them where the directory is on another file system", ({ folder }) => {
    const { status, stdout, stderr } = run(
      folder,
      `mount -t tmpfs -o size=20m other bin
      ${older}
      ${command} >/dev/null
      for name in ${names.join(" ")}; do cmp bin/$name ${binDirectory}/weft; done
      cat bin/calico; ls -A bin | wc -l`,
    );
    expect([status, stderr, stdout]).toEqual([0, "", `theirs\n${names.length + 1}\n`]);
  });
});

/** In place of `mv`: kills who calls it at the call of a number, instead of doing anything. */
const deadlyMv = `#!/bin/sh
echo call >>"$COUNTED"
[ "$(wc -l <"$COUNTED")" != "$NTH" ] || { kill -9 $PPID; exit 1; }
PATH=\${PATH#*:}
exec mv "$@"
`;

describe("make install that is killed", () => {
  it.for([1, 2, 3, 12, names.length])(
    "at rename number %d leaves whole programs, and the next one does the rest",
    (nth, { folder }) => {
      writeFileSync(join(folder, "mv"), deadlyMv, { mode: 0o755 });
      const { status, stdout, stderr } = run(
        folder,
        `${older}
        rm bin/bandwidth && echo theirs >bin/bandwidth
        NTH=${nth} COUNTED=counted PATH=${folder}:$PATH ${installer} install ${binDirectory} bin >/dev/null 2>&1 && echo unexpected
        for name in ${names.join(" ")}; do
          cmp -s bin/$name older || cmp -s bin/$name ${binDirectory}/weft || cat bin/$name
        done
        ${installer} install ${binDirectory} bin >/dev/null
        for name in ${names.join(" ")}; do cmp bin/$name ${binDirectory}/weft; done
        ls -A bin | wc -l
        ${installer} uninstall bin >/dev/null
        ls -A bin; cat bin/bandwidth`,
      );
      const during = nth === 1 ? "theirs\n" : "";
      const after = `${names.length + 2}\nbandwidth\ncalico\ntheirs\n`;
      expect([status, stderr, stdout]).toEqual([0, "", during + after]);
    },
  );
});
