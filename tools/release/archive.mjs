// The archive: one image with all of its names, and what lies beside it in a checkout.
import { cpSync, linkSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { put, run, tar } from "./tools.mjs";

/** Fills a folder with the image and hard links to it. */
export function putImage(dist, folder) {
  put(join(folder, "weft"), { from: join(dist, "bin/weft"), mode: 0o755 });
  for (const name of readdirSync(join(dist, "bin"))) {
    if (name !== "weft") linkSync(join(folder, "weft"), join(folder, name));
  }
}

/** weft-<version>-linux-<architecture>.tar.gz */
export function makeArchive({
  root,
  dist,
  version,
  architecture,
  licenses,
  seconds,
  output,
  work,
}) {
  const name = `weft-${version}-linux-${architecture}`;
  const folder = join(work, name);
  mkdirSync(folder, { recursive: true });
  putImage(dist, join(folder, "bin"));
  for (const part of ["man", "completion"])
    cpSync(join(dist, part), join(folder, part), { recursive: true });
  cpSync(join(root, "deploy"), join(folder, "deploy"), { recursive: true });
  put(join(folder, "install.sh"), { from: join(root, "tools/install.sh"), mode: 0o755 });
  for (const file of ["LICENSE", "CHANGELOG.md", "SECURITY.md"]) {
    put(join(folder, file), { from: join(root, file) });
  }
  put(join(folder, "LICENSES"), { text: licenses });
  put(join(folder, "README"), { text: readme(version) });
  const file = join(output, `${name}.tar`);
  tar(file, { folder: work, names: [name], seconds });
  run("gzip", ["-9n", file]);
}

function readme(version) {
  return `weft ${version}: CNI plugins, and weft, their command line.

    ./install.sh install bin /opt/cni/bin /usr/local/bin/weft /usr/local/share

puts them in place, each in one step, also under running containers. Other plugins of the same names are
kept beside. Only the plugins:  bin/weft install /opt/cni/bin
All names in bin are one file. If a copy has made several of it, both commands make it one again.
Away again:  ./install.sh uninstall /opt/cni/bin /usr/local/bin/weft /usr/local/share
Help:  bin/weft help
What is linked in, and its licences: LICENSES
`;
}
