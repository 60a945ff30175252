// @ts-check
// A containerd of the benchmark's own, in a network namespace, with a pod image that is made here:
// no registry is asked. All it writes is below `work`, and vanishes with the private machine.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CriClient } from "./cri-client.mjs";
import { addNetns, compile, run, stop, work } from "./machine.mjs";

const IMAGE = "weft.example/pause:1";
const TRIES = 600;

/**
 * @typedef {{ readonly client: CriClient, readonly version: string, readonly netns: string,
 *   readonly stop: () => Promise<void> }} Runtime
 */

/**
 * Starts containerd with the plugins of one folder and one network.
 * @param {{ readonly name: string, readonly bin: string, readonly network: object }} options
 * @returns {Promise<Runtime>}
 */
export async function startContainerd({ name, bin, network }) {
  const folder = join(work, name);
  const netns = addNetns(name);
  mkdirSync(join(folder, "net.d"), { recursive: true });
  writeFileSync(join(folder, "net.d/10-bench.conflist"), JSON.stringify(network));
  writeFileSync(join(folder, "config.toml"), configuration(folder, bin));
  const log = openSync(join(folder, "log"), "w");
  // Only the network differs: `ip netns exec` would hide the control groups.
  const command = [`--net=${netns}`, "containerd", "--config", join(folder, "config.toml")];
  const server = spawn("nsenter", command, { stdio: ["ignore", log, log] });
  closeSync(log);
  const ended = new Promise((resolve) => server.once("exit", resolve));
  const client = await ready(folder, () => server.exitCode !== null);
  const socket = join(folder, "containerd.sock");
  run("ctr", ["--address", socket, "--namespace", "k8s.io", "images", "import", imageFile()]);
  return {
    client,
    version: await client.version(),
    netns,
    async stop() {
      client.close();
      server.kill();
      await ended;
    },
  };
}

/**
 * @param {string} folder
 * @param {() => boolean} hasEnded
 */
async function ready(folder, hasEnded) {
  for (let i = 0; i < TRIES && !hasEnded(); i++) {
    const client = new CriClient(join(folder, "containerd.sock"));
    try {
      await client.version();
      return client;
    } catch {
      client.close();
      await sleep(100);
    }
  }
  return stop(`Cannot start containerd:\n${readFileSync(join(folder, "log"), "utf8")}`);
}

/**
 * containerd 2 also reads version 2.
 * @param {string} folder
 * @param {string} bin
 */
function configuration(folder, bin) {
  const hasOverlay = readFileSync("/proc/filesystems", "utf8").includes("\toverlay\n");
  return `version = 2
root = "${folder}/root"
state = "${folder}/state"
[grpc]
  address = "${folder}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "${folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${IMAGE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${bin}"
    conf_dir = "${folder}/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "${hasOverlay ? "overlayfs" : "native"}"
`;
}

/** @type {string | undefined} */
let image;

/** An image with one program, which waits, as a file that containerd imports. */
function imageFile() {
  image ??= makeImage(join(work, "image"));
  return image;
}

/** @param {string} folder */
function makeImage(folder) {
  const blobs = join(folder, "blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const layer = join(folder, "layer");
  run("tar", ["-C", work, "-cf", layer, "--owner=0", "--group=0", relativeTo(compile("pause"))]);
  const config = {
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    os: "linux",
    config: { Entrypoint: ["/pause"] },
    rootfs: { type: "layers", diff_ids: [`sha256:${digestOf(readFileSync(layer))}`] },
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
  const layers = [put("layer.v1.tar", readFileSync(layer))];
  const manifest = put(
    "manifest.v1+json",
    json({ schemaVersion: 2, config: put("config.v1+json", json(config)), layers }),
  );
  const annotations = { "io.containerd.image.name": IMAGE };
  writeFileSync(
    join(folder, "index.json"),
    json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  );
  writeFileSync(join(folder, "oci-layout"), json({ imageLayoutVersion: "1.0.0" }));
  const file = join(work, "image.tar");
  run("tar", ["-C", folder, "-cf", `${file}.new`, "oci-layout", "index.json", "blobs"]);
  renameSync(`${file}.new`, file);
  return file;
}

/** @param {string} path */
function relativeTo(path) {
  return path.slice(work.length + 1);
}

/** @param {Buffer} bytes */
function digestOf(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}
