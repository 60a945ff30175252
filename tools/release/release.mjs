// Makes what is handed out of what is built:  node tools/release/release.mjs [FOLDER [DIST…]]
// FOLDER is dist/release unless given, DIST a folder that tools/build.mjs has filled, one for each
// architecture. Two builds of the same sources by the same tools are the same bytes: names are sorted,
// owners are 0, modes and times are fixed (docs/release.md).
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeArchive } from "./archive.mjs";
import { contentOf, licensesOf } from "./content.mjs";
import { makeDeb } from "./deb.mjs";
import { makeImage } from "./image.mjs";
import { bomOf } from "./sbom.mjs";
import { architectureOf, dateOf, run } from "./tools.mjs";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const { version, description, author } = JSON.parse(
  readFileSync(join(root, "package.json"), "utf8"),
);
const [output = join(root, "dist/release"), ...given] = process.argv.slice(2);
const dists = given.length > 0 ? given : [join(root, "dist")];

function build(dist, release) {
  const architecture = architectureOf(join(dist, "bin/weft"));
  const content = contentOf({ root, dist, architecture });
  const one = { ...release, dist, architecture, content, licenses: licensesOf(root, content) };
  const bom = JSON.stringify(bomOf(one), null, 2);
  writeFileSync(join(release.output, `weft-${version}-linux-${architecture}.cdx.json`), `${bom}\n`);
  makeArchive(one);
  makeDeb(one);
  return one;
}

function main() {
  const seconds = dateOf(root, version);
  const [fresh, work] = [`${output}.new`, `${output}.work`];
  for (const folder of [fresh, work]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  const release = { root, version, description, author, seconds, output: fresh, work };
  const built = dists.map((dist) => build(dist, release));
  makeImage(built, release);
  const files = readdirSync(fresh).sort();
  const sums = files.map((name) => {
    const digest = createHash("sha256")
      .update(readFileSync(join(fresh, name)))
      .digest("hex");
    return `${digest}  ${name}\n`;
  });
  writeFileSync(join(fresh, "SHA256SUMS"), sums.join(""));
  run("chmod", ["-R", "u=rwX,go=rX", fresh]);
  rmSync(work, { recursive: true });
  rmSync(output, { recursive: true, force: true });
  renameSync(fresh, output);
  for (const name of files) {
    const size = readFileSync(join(output, name)).length;
    console.log(`${output}/${name}: ${Math.round(size / 1024)} KB`);
  }
}

main();
