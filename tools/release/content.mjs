// What is linked into an image: packages of npm whose code is bundled, and C code of the distribution.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./tools.mjs";

/** Of npm, but in no bundle: the engine, and what generates the validators. */
const UNBUNDLED = ["@suchipi/quickjs", "ajv"];

/** What a component is there for, by its name. */
const PURPOSE = {
  "@suchipi/quickjs": "the engine",
  "js-yaml": "the reader of kubeconfig files",
  ajv: "its generated validators of configurations",
  musl: "the C library",
  bearssl: "TLS of the agent, SHA-512",
  libgcc: "arithmetic that the processor lacks",
};

/** The components of an image, npm's first: { name, version, license, purpose, text, purl, … }. */
export function contentOf({ root, dist, architecture }) {
  return [...npmContent(root, dist), ...linkedContent(root, architecture)].map((one) => ({
    ...one,
    purpose: PURPOSE[one.name] ?? "",
  }));
}

function npmContent(root, dist) {
  const { inputs } = JSON.parse(readFileSync(join(dist, "meta.json"), "utf8"));
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const bundled = Object.keys(inputs).flatMap(
    (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? [],
  );
  return [...new Set([...bundled, ...UNBUNDLED])].sort().map((name) => {
    const folder = join(root, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const { integrity, resolved } = lock[`node_modules/${name}`];
    const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
    const text = readFileSync(join(folder, "LICENSE"), "utf8");
    return { name, version, license, text, purl, integrity, resolved };
  });
}

/** The packages of the distribution whose archives the linker reads, by their licences. */
function linkedContent(root, architecture) {
  const isHere = architecture === run("dpkg", ["--print-architecture"]).toString().trim();
  const gcc = isHere ? "gcc" : "aarch64-linux-gnu-gcc";
  const series = run(gcc, ["-dumpversion"]).toString().trim().split(".")[0];
  const library = isHere ? `libgcc-${series}-dev` : `libgcc-${series}-dev-arm64-cross`;
  const exception = /^GCC RUNTIME LIBRARY EXCEPTION$[\s\S]*?^2\. No Weakening[\s\S]*?\n{3}/m;
  const ofGcc = copyrightOf(`gcc-${series}-base`);
  return [
    ["musl", "musl-dev", "MIT", copyrightOf("musl")],
    ["bearssl", "libbearssl-dev", "MIT", copyrightOf("libbearssl-dev")],
    [
      "libgcc",
      library,
      "GPL-3.0-or-later WITH GCC-exception-3.1",
      exception.exec(ofGcc)?.[0] ?? ofGcc,
    ],
  ].map(([name, source, license, text]) => {
    const version = isHere || name === "libgcc" ? versionOf(source) : crossVersionOf(root, source);
    const distribution = idOf(readFileSync("/etc/os-release", "utf8"));
    const purl = `pkg:deb/${distribution}/${source}@${encodeURIComponent(version)}?arch=${architecture}`;
    return { name, version, license, text, purl };
  });
}

function idOf(osRelease) {
  return /^ID="?([\w.-]+)/m.exec(osRelease)?.[1] ?? "linux";
}

function versionOf(name) {
  return run("dpkg-query", ["-W", "-f", `\${Version}`, name]).toString();
}

/** Of what tools/arm64.sh has brought: a line "name version" each. */
function crossVersionOf(root, name) {
  const lines = readFileSync(join(root, ".cache/arm64/versions"), "utf8").split("\n");
  const line = lines.find((each) => each.startsWith(`${name} `));
  if (!line) throw new Error(`Cannot tell the version of "${name}" for arm64: run tools/arm64.sh`);
  return line.slice(name.length + 1);
}

function copyrightOf(name) {
  const path = `/usr/share/doc/${name}/copyright`;
  if (!existsSync(path)) throw new Error(`Cannot tell the licence of "${name}": no file "${path}"`);
  return readFileSync(path, "utf8");
}

/** The licences of all that is in an image, in one text; of weft itself it says only which. */
export function licensesOf(root, content) {
  const parts = content.map(({ name, version, license, purpose, text }) => {
    const title = `${name} ${version} (${license}): ${purpose}`;
    return `\n${"=".repeat(78)}\n${title}\n${"=".repeat(78)}\n\n${text.trim()}\n`;
  });
  const { license } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return (
    `weft is under ${license}: its text is in the file LICENSE, on Debian in\n` +
    "/usr/share/common-licenses/Apache-2.0. Its executables contain what follows.\n" +
    parts.join("")
  );
}
