/** The package for Debian, on machines of its own: beside others' plugins, upgraded, hindered, interrupted, removed. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { binDirectory } from "../bed/paths.ts";
import { makeRelease, newFolder, onNewMachine, packageName, sh } from "./release.ts";

const { folder, remove } = newFolder();
const names = readdirSync(binDirectory).sort();

/** A package with two of our names in /opt/cni/bin, as kubernetes-cni has them, in two versions. */
const others = `
  for version in 1 2; do
    rm -rf other && mkdir -p other/DEBIAN other/opt/cni/bin
    printf 'Package: others\\nVersion: %s\\nArchitecture: all\\nMaintainer: x <x@x.example>\\nDescription: x\\n' $version >other/DEBIAN/control
    for name in bridge loopback; do echo "others' $name $version" >other/opt/cni/bin/$name; done
    chmod -R u=rwX,go=rX other
    dpkg-deb -Zgzip -b other others-$version.deb >/dev/null
  done`;

/** The package as a later version would be: another number, and an image that differs where nobody reads. */
const later = `
  dpkg-deb -R "$1" later
  sed -i 's/^Version: .*/Version: 9.0/' later/DEBIAN/control
  printf later >>later/usr/lib/weft/weft
  dpkg-deb -Zgzip -b later later.deb >/dev/null`;

beforeAll(() => {
  const release = join(folder, "release");
  makeRelease(release);
  sh(
    `cd "$2"; mv "$1" weft.deb; set -- weft.deb; ${others}; ${later}`,
    join(release, packageName),
    folder,
  );
});
afterAll(remove);

/** What a script prints on a new machine, where no step may fail. */
function told(script: string): string {
  const ended = onNewMachine(folder, `cd /release\n${script}`);
  if (ended.status !== 0) throw new Error(`${ended.status}: ${ended.stdout}${ended.stderr}`);
  return ended.stdout;
}

/** Words of the shell: which of a folder's programs are of weft, and that there are no diversions. */
const ours = `ours() { for f in /opt/cni/bin/*; do ! cmp -s "$f" /usr/lib/weft/weft || echo "\${f##*/}"; done; }`;
const diversions = "{ dpkg-divert --list '*weft*'; dpkg-divert --list '/opt/*'; }";

describe("the package", () => {
  it("puts the plugins where runtimes look, and weft where people look", () => {
    const out = told(`${ours}
      dpkg -i weft.deb >/dev/null 2>said || { cat said; exit 1; }
      ours; echo; weft list; echo; stat -c '%a %U' /opt/cni/bin/bridge
      CNI_COMMAND=VERSION /opt/cni/bin/bridge </dev/null | grep -c supportedVersions
      ls /usr/share/man/man1/weft.1.gz /usr/share/bash-completion/completions/weft
      grep ExecStart= /lib/systemd/system/weft-agent.service
      dpkg --verify weft; dpkg -s weft | grep '^Status'`);
    const list = `${names.join("\n")}\n`;
    expect(out).toBe(
      `${list}\n${list}\n755 root\n1\n` +
        "/usr/share/bash-completion/completions/weft\n/usr/share/man/man1/weft.1.gz\n" +
        "ExecStart=/usr/lib/weft/weft agent --ip-masq --healthz-ip=127.0.0.1 --healthz-port=8081\n" +
        "Status: install ok installed\n",
    );
  });

  it("takes away all that is its own, and nothing else", () => {
    const out = told(`
      mkdir -p /opt/cni/bin; echo theirs >/opt/cni/bin/calico
      dpkg -i weft.deb >/dev/null 2>&1; dpkg -L weft >files
      dpkg -P weft >/dev/null 2>said || { cat said; exit 1; }
      while read -r file; do [ ! -e "$file" ] || [ -d "$file" ] || echo "$file is left"; done <files
      ls -d /usr/lib/weft /usr/share/doc/weft 2>/dev/null || true
      find /opt ! -type d; grep -c ^Package /var/lib/dpkg/status || true
      ${diversions}`);
    expect(out).toBe("/opt/cni/bin/calico\n0\n");
  });

  it("keeps plugins that somebody has put there, says which, and gives them back", () => {
    const out = told(`${ours}
      mkdir -p /opt/cni/bin; cd /opt/cni/bin
      echo theirs >bridge; chmod 700 bridge; ln -s /elsewhere portmap
      dpkg -i /release/weft.deb 2>/dev/null | grep ^weft:
      ours | wc -l
      dpkg -r weft 2>/dev/null | grep ^weft: | sort
      ls -A; cat bridge; stat -c %a bridge; readlink portmap; ${diversions}`);
    expect(out).toBe(
      "weft: /opt/cni/bin/bridge: installed, what was there is kept as .weft-before.bridge\n" +
        "weft: /opt/cni/bin/portmap: installed, what was there is kept as .weft-before.portmap\n" +
        `${names.length}\n` +
        "weft: /opt/cni/bin/bridge: removed, what was there before is back\n" +
        "weft: /opt/cni/bin/portmap: removed, what was there before is back\n" +
        "bridge\nportmap\ntheirs\n700\n/elsewhere\n",
    );
  });

  it("lets another package be upgraded beside it, and gives that its newest files back", () => {
    const out = told(`${ours}
      dpkg -i others-1.deb >/dev/null; dpkg -i weft.deb >/dev/null 2>&1; ours | wc -l
      dpkg -i others-2.deb >/dev/null; ours | wc -l; cat /opt/cni/bin/.weft-before.bridge
      dpkg -r weft >/dev/null 2>&1; cat /opt/cni/bin/bridge; dpkg --verify others; ${diversions}
      ls -A /opt/cni/bin; dpkg -r others >/dev/null; ls -A /opt/cni/bin 2>/dev/null || true`);
    const count = names.length;
    expect(out).toBe(`${count}\n${count}\nothers' bridge 2\nothers' bridge 2\nbridge\nloopback\n`);
  });

  it("is not overwritten by a package that comes later, nor harmed when that goes", () => {
    const out = told(`${ours}
      dpkg -i weft.deb >/dev/null 2>&1; dpkg -i others-1.deb >/dev/null; ours | wc -l
      dpkg -r others >/dev/null; ours | wc -l; ls -A /opt/cni/bin | grep -c before || true
      dpkg -i others-1.deb >/dev/null; dpkg -r weft >/dev/null 2>&1; cat /opt/cni/bin/bridge`);
    expect(out).toBe(`${names.length}\n${names.length}\n0\nothers' bridge 1\n`);
  });
});

describe("an upgrade of the package", () => {
  it("exchanges all names while a program runs, which goes on, and back again", () => {
    const out = told(`${ours}
      dpkg -i weft.deb >/dev/null 2>&1
      mkfifo in; /opt/cni/bin/weft validate <in >out & pid=$!
      exec 3>in
      dpkg -i later.deb >/dev/null 2>&1; ours | wc -l
      ls -l /proc/$pid/exe | grep -c '/opt/cni/bin/weft (deleted)'
      echo '{"cniVersion": "1.0.0", "name": "x", "type": "loopback"}' >&3; exec 3>&-; wait $pid; cat out
      tail -c 5 /opt/cni/bin/bridge; echo
      dpkg -i weft.deb >/dev/null 2>&1; ours | wc -l; dpkg -P weft >/dev/null 2>&1; ls -A /opt/cni/bin; ${diversions}`);
    expect(out).toBe(`${names.length}\n1\n-: valid\nlater\n${names.length}\n`);
  });

  it.for([1, 3, 12, 25])(
    "that is killed at rename number %d goes on when it is asked to",
    (nth) => {
      const out = told(`${ours}
      mkdir -p /opt/cni/bin; echo theirs >/opt/cni/bin/bridge
      dpkg -i weft.deb >/dev/null 2>&1; cp /usr/lib/weft/weft old
      dpkg --unpack later.deb >/dev/null 2>&1
      strace -f -qq -o /dev/null -e inject=rename:signal=KILL:when=${nth} dpkg --configure weft >/dev/null 2>&1 || true
      for name in $(weft list); do
        cmp -s "/opt/cni/bin/$name" old || cmp -s "/opt/cni/bin/$name" later/usr/lib/weft/weft || echo "$name is broken"
      done
      rm -f /var/lib/dpkg/lock*
      dpkg --configure -a >/dev/null 2>&1; ours | wc -l; dpkg -s weft | grep ^Status
      dpkg -r weft >/dev/null 2>&1; ls -A /opt/cni/bin; cat /opt/cni/bin/bridge`);
      expect(out).toBe(`${names.length}\nStatus: install ok installed\nbridge\ntheirs\n`);
    },
  );
});

describe("where the package cannot be installed,", () => {
  it.for([
    [
      "on a full disk",
      "mount -t tmpfs -o size=1m full /opt/cni/bin",
      "ENOSPC",
      "umount /opt/cni/bin; mkdir -p /opt/cni/bin",
    ],
    ["read-only", "mount -t tmpfs -o ro locked /opt/cni/bin", "EROFS", "umount /opt/cni/bin"],
    [
      "where a name is a directory",
      "mkdir /opt/cni/bin/ptp",
      "a directory has that name",
      "rmdir /opt/cni/bin/ptp",
    ],
    [
      "where somebody else has diverted a name",
      "dpkg-divert --quiet --package rival --no-rename --divert /opt/cni/bin/x --add /opt/cni/bin/ptp",
      "it is diverted by the package rival",
      "dpkg-divert --quiet --package rival --no-rename --remove /opt/cni/bin/ptp",
    ],
  ])("%s, it says why, changes nothing, and does it when it can", ([, hinder, word, mend]) => {
    const out = told(`${ours}
      mkdir -p /opt/cni/bin; ${hinder}
      echo theirs >/opt/cni/bin/bridge 2>/dev/null || true
      (ls -A /opt/cni/bin; ${diversions}) >before
      dpkg -i weft.deb >/dev/null 2>said && echo unexpected; grep -c '${word}' said
      (ls -A /opt/cni/bin; ${diversions}) >after; diff before after
      dpkg -s weft | grep ^Status
      ${mend}
      dpkg --configure weft >/dev/null 2>&1; ours | wc -l`);
    expect(out).toBe(`1\nStatus: install ok half-configured\n${names.length}\n`);
  });

  it("an upgrade leaves the old programs at work", () => {
    const out = told(`${ours}
      mkdir -p /opt/cni/bin; mount -t tmpfs -o size=20m small /opt/cni/bin
      dpkg -i weft.deb >/dev/null 2>&1; ours | wc -l; cp /usr/lib/weft/weft old
      dd if=/dev/zero of=/opt/cni/bin/filler bs=64k >/dev/null 2>&1 || true
      dpkg -i later.deb >/dev/null 2>said && echo unexpected; grep -c ENOSPC said
      for name in $(weft list); do cmp "/opt/cni/bin/$name" old; done
      CNI_COMMAND=VERSION /opt/cni/bin/bridge </dev/null | grep -c supportedVersions
      ls -A /opt/cni/bin | grep -c weft-install || true
      rm /opt/cni/bin/filler; dpkg --configure weft >/dev/null 2>&1; ours | wc -l`);
    expect(out).toBe(`${names.length}\n1\n1\n0\n${names.length}\n`);
  });
});
