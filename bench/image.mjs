// @ts-check
// An image for containers, made by hand of files that are here: no registry is asked.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Makes an image of one layer as an archive in OCI's layout, which every runtime imports, and
 * returns the path of the file.
 * @param {{ readonly name: string, readonly entrypoint: readonly string[], readonly file: string,
 *   readonly layer: { readonly folder: string, readonly paths: readonly string[] } }} options
 *   `name` with its tag; `layer`: the paths in a folder that make up the container's files.
 */
export function makeImage({ name, entrypoint, file, layer }) {
  const folder = `${file}.parts`;
  const blobs = join(folder, "blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const tar = join(folder, "layer");
  run("tar", ["-C", layer.folder, "-cf", tar, "--owner=0", "--group=0", ...layer.paths]);
  const config = {
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    os: "linux",
    config: { Entrypoint: entrypoint, Env: ["PATH=/bin"] },
    rootfs: { type: "layers", diff_ids: [`sha256:${digestOf(readFileSync(tar))}`] },
  };
  const oci = "application/vnd.oci.image";
  /** @param {string} mediaType @param {Buffer} bytes */
  const put = (mediaType, bytes) => {
    const digest = digestOf(bytes);
    writeFileSync(join(blobs, digest), bytes);
    return { mediaType: `${oci}.${mediaType}`, digest: `sha256:${digest}`, size: bytes.length };
  };
  /** @param {object} value */
  const json = (value) => Buffer.from(JSON.stringify(value));
  const layers = [put("layer.v1.tar", readFileSync(tar))];
  const manifest = put(
    "manifest.v1+json",
    json({ schemaVersion: 2, config: put("config.v1+json", json(config)), layers }),
  );
  const annotations = {
    "io.containerd.image.name": name,
    "org.opencontainers.image.ref.name": name,
  };
  writeFileSync(
    join(folder, "index.json"),
    json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  );
  writeFileSync(join(folder, "oci-layout"), json({ imageLayoutVersion: "1.0.0" }));
  run("tar", ["-C", folder, "-cf", `${file}.new`, "oci-layout", "index.json", "blobs"]);
  renameSync(`${file}.new`, file);
  return file;
}

/**
 * @param {string} program
 * @param {readonly string[]} words
 */
function run(program, words) {
  execFileSync(program, words, { stdio: ["ignore", "ignore", "inherit"] });
}

/** @param {Buffer} bytes */
function digestOf(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}
