// @ts-check
// A containerd of the benchmark's own, in a network namespace, with a pod image that is made here:
// no registry is asked. All it writes is below `work`, and vanishes with the private machine.
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CriClient } from "./cri-client.mjs";
import { makeImage } from "./image.mjs";
import { addNetns, compile, run, stop, work } from "./machine.mjs";

const IMAGE = "weft.example/pause:1";
const TRIES = 600;

/**
 * @typedef {{ readonly client: CriClient, readonly version: string, readonly netns: string, readonly pid: number,
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
  const places = {
    root: join(folder, "root"),
    state: join(folder, "state"),
    opt: join(folder, "opt"),
  };
  const lists = join(folder, "net.d");
  writeFileSync(
    join(folder, "config.toml"),
    configuration({ ...places, bin, lists, image: IMAGE }),
  );
  const log = openSync(join(folder, "log"), "w");
  // Only the network differs: `ip netns exec` would hide the control groups.
  const command = [`--net=${netns}`, "containerd", "--config", join(folder, "config.toml")];
  const server = spawn("nsenter", command, { stdio: ["ignore", log, log] });
  closeSync(log);
  const ended = new Promise((resolve) => server.once("exit", resolve));
  const socket = join(places.state, "containerd.sock");
  const client = await ready({ socket, log: join(folder, "log") }, () => server.exitCode !== null);
  run("ctr", ["--address", socket, "--namespace", "k8s.io", "images", "import", imageFile()]);
  return {
    client,
    version: await client.version(),
    netns,
    pid: server.pid ?? 0,
    async stop() {
      client.close();
      server.kill();
      await ended;
    },
  };
}

/**
 * @param {{ readonly socket: string, readonly log: string }} files
 * @param {() => boolean} hasEnded
 */
async function ready({ socket, log }, hasEnded) {
  for (let i = 0; i < TRIES && !hasEnded(); i++) {
    const client = new CriClient(socket);
    try {
      await client.version();
      return client;
    } catch {
      client.close();
      await sleep(100);
    }
  }
  return stop(`Cannot start containerd:\n${readFileSync(log, "utf8")}`);
}

/**
 * The configuration of a containerd; containerd 2 also reads version 2.
 * @param {{ readonly root: string, readonly state: string, readonly opt: string, readonly bin: string,
 *   readonly lists: string, readonly image: string }} options `bin` has the plugins, `lists` the
 *   configuration lists, `image` is the name of what pods are made of.
 */
export function configuration({ root, state, opt, bin, lists, image }) {
  const hasOverlay = readFileSync("/proc/filesystems", "utf8").includes("\toverlay\n");
  return `version = 2
root = "${root}"
state = "${state}"
[grpc]
  address = "${state}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "${opt}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${image}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${bin}"
    conf_dir = "${lists}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "${hasOverlay ? "overlayfs" : "native"}"
`;
}

/** @type {string | undefined} */
let image;

/** An image with one program, which waits, as a file that containerd imports. */
function imageFile() {
  image ??= makeImage({
    name: IMAGE,
    layer: { folder: work, paths: [relativeTo(compile("pause"))] },
    entrypoint: ["/pause"],
    file: join(work, "image.tar"),
  });
  return image;
}

/** @param {string} path */
function relativeTo(path) {
  return path.slice(work.length + 1);
}
