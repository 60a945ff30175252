// The package for Debian and Ubuntu, made by dpkg-deb. What it does when it is installed is in deb/.
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { putImage } from "./archive.mjs";
import { put, run } from "./tools.mjs";

const scripts = ["postinst", "prerm", "postrm"];

/** weft_<version>_<architecture>.deb */
export function makeDeb(one) {
  const { root, version, architecture, seconds, output, work } = one;
  const folder = join(work, `deb-${architecture}`);
  fill(folder, one);
  const here = join(root, "tools/release/deb");
  for (const name of scripts) {
    put(join(folder, "DEBIAN", name), { from: join(here, name), mode: 0o755 });
  }
  put(join(folder, "DEBIAN/control"), { text: control(folder, one) });
  put(join(folder, "DEBIAN/md5sums"), { text: sums(folder) });
  run("chmod", ["-R", "u=rwX,go=rX", folder]);
  // dpkg-deb alone would leave times that are earlier.
  run("find", [folder, "-exec", "touch", "--no-dereference", `--date=@${seconds}`, "{}", "+"]);
  const env = { SOURCE_DATE_EPOCH: `${seconds}`, DPKG_DEB_THREADS_MAX: "1" };
  const file = join(output, `weft_${version}_${architecture}.deb`);
  run("dpkg-deb", ["--root-owner-group", "-Zxz", "-b", folder, file], { env });
}

function fill(folder, one) {
  const { root, dist, licenses } = one;
  const at = (path) => join(folder, path);
  putImage(dist, at("usr/lib/weft"));
  link("../lib/weft/weft", at("usr/bin/weft"));
  for (const page of readdirSync(join(dist, "man/man1"))) {
    put(at(`usr/share/man/man1/${page}`), { from: join(dist, "man/man1", page) });
    run("gzip", ["-9n", at(`usr/share/man/man1/${page}`)]);
  }
  const shells = {
    "weft.bash": "bash-completion/completions/weft",
    _weft: "zsh/vendor-completions/_weft",
    "weft.fish": "fish/vendor_completions.d/weft.fish",
  };
  for (const [file, place] of Object.entries(shells)) {
    put(at(`usr/share/${place}`), { from: join(dist, "completion", file) });
  }
  const unit = readFileSync(join(root, "deploy/weft-agent.service"), "utf8");
  put(at("lib/systemd/system/weft-agent.service"), {
    text: unit.replaceAll("/opt/cni/bin/weft", "/usr/lib/weft/weft"),
  });
  put(at("usr/share/lintian/overrides/weft"), {
    text: "# One static executable is what this is: it works in any image and namespace.\nweft: statically-linked-binary [usr/lib/weft/*]\n",
  });
  const doc = "usr/share/doc/weft";
  for (const file of readdirSync(join(root, "deploy"))) {
    if (/^(Dockerfile|.*\.service)$/.test(file)) continue;
    put(at(`${doc}/examples/${file}`), { from: join(root, "deploy", file) });
  }
  put(at(`${doc}/copyright`), { text: licenses });
  put(at(`${doc}/CHANGELOG.md`), { from: join(root, "CHANGELOG.md") });
  put(at(`${doc}/changelog`), { text: changelog(one) });
  run("gzip", ["-9n", at(`${doc}/CHANGELOG.md`), at(`${doc}/changelog`)]);
}

/** In the form that Debian wants one. */
function changelog({ version, author, seconds }) {
  const date = new Date(seconds * 1000).toUTCString().replace("GMT", "+0000");
  const words = "What is new is said in /usr/share/doc/weft/CHANGELOG.md.gz.";
  return `weft (${debVersion(version)}) stable; urgency=medium\n\n  * ${words}\n\n -- ${author}  ${date}\n`;
}

function link(to, path) {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(to, path);
}

/** A version before a release, 1.2.0-rc.1, is smaller than the release: 1.2.0~rc.1. */
export function debVersion(version) {
  return version.replace("-", "~");
}

function control(folder, { version, architecture, author }) {
  const kilobytes = run("du", ["-sk", "--apparent-size", folder]).toString().split("\t")[0];
  return `Package: weft
Version: ${debVersion(version)}
Architecture: ${architecture}
Maintainer: ${author}
Installed-Size: ${kilobytes}
Section: net
Priority: optional
Suggests: containerd | cri-o | podman, iptables
Description: CNI plugins in one small executable, and a command line for them
 The plugins bridge, host-local, portmap, firewall, bandwidth, flannel and all
 others of the reference suite, an overlay for many hosts, and an agent by which
 hosts join a network, for CNI 0.1.0 to 1.1.0.
 .
 They are installed into /opt/cni/bin, where container runtimes look. Other
 plugins of the same names are kept beside, and are back when this package
 is removed.
`;
}

function sums(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1))
    .filter((path) => !path.startsWith("DEBIAN/"))
    .sort();
  return run("md5sum", ["--", ...files], { cwd: folder }).toString();
}
