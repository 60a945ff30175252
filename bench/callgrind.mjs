// @ts-check
// Counts the instructions of whole processes, by valgrind's tool callgrind: what a machine that is
// busy does not change. Variables, paths and container IDs are the same in every run, and so as long.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";

/**
 * One run of a plugin; `netns` is the path of the namespace that it runs in, if it is another one.
 * @typedef {{
 *   readonly plugin: string,
 *   readonly command: string,
 *   readonly config: object,
 *   readonly container?: string | undefined,
 *   readonly netns?: string | undefined,
 * }} Invocation
 * @typedef {{ readonly instructions: number, readonly output: string }} Counted
 * `run` counts nothing, and says 0.
 * @typedef {Readonly<Record<"run" | "count", (invocation: Invocation) => Counted>>} Counter
 */

/** Where Debian, and other distributions, keep valgrind's tools. */
const TOOL_FOLDERS = ["/usr/libexec/valgrind", "/usr/lib/valgrind", "/usr/lib64/valgrind"];

/** The tool's file; undefined if it is not on this machine, or none for its processor. */
export function findCallgrind() {
  const name = { x64: "amd64", arm64: "arm64" }[process.arch];
  const files = TOOL_FOLDERS.map((folder) => join(folder, `callgrind-${name}-linux`));
  return files.find((file) => existsSync(file));
}

/**
 * Runs the plugins of `bin`, by way of copies in `folder`, which is made. Under callgrind
 * /proc/self/exe is the tool: so there the delegates are links to it, and run in the process of
 * their plugin, as they do without it.
 * @param {string} bin
 * @param {string} folder
 * @param {string} tool
 * @returns {Counter}
 */
export function makeCounter(bin, folder, tool) {
  const delegates = join(folder, "delegates");
  mkdirSync(delegates, { recursive: true });
  for (const name of ["host-local", "static"]) symlinkSync(tool, join(delegates, name));
  const log = join(folder, "log");
  const options = ["-q", "--tool=callgrind", "--vgdb=no", `--callgrind-out-file=${log}`];
  return {
    run: (invocation) => {
      const output = start(invocation, [copyOf(bin, folder, invocation.plugin)], bin);
      return { instructions: 0, output };
    },
    count: (invocation) => {
      const program = copyOf(bin, folder, invocation.plugin);
      const output = start(invocation, ["valgrind", ...options, program], delegates);
      return { instructions: totalOf(readFileSync(log, "utf8")), output };
    },
  };
}

/**
 * The executable of a plugin, under a path that is as long everywhere.
 * @param {string} bin
 * @param {string} folder
 * @param {string} plugin
 */
function copyOf(bin, folder, plugin) {
  const program = join(folder, plugin);
  if (!existsSync(program)) copyFileSync(join(bin, plugin), program);
  return program;
}

/** @param {string} text */
function totalOf(text) {
  const total = /^(?:totals|summary): (\d+)/m.exec(text)?.[1];
  if (total === undefined) throw new Error("Cannot count instructions: callgrind tells no total");
  return Number(total);
}

/**
 * What a plugin prints; throws with that if it fails.
 * @param {Invocation} invocation
 * @param {readonly string[]} words
 * @param {string} path
 */
function start({ plugin, command, config, container = "", netns }, words, path) {
  const enter = netns === undefined ? [] : ["nsenter", `--net=${netns}`];
  const [program = "", ...args] = [...enter, ...words];
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    input: JSON.stringify(config),
    encoding: "utf8",
    env: {
      PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
      CNI_COMMAND: command,
      CNI_CONTAINERID: "counted",
      CNI_NETNS: container,
      CNI_IFNAME: "eth0",
      CNI_PATH: path,
    },
  });
  if (status === 0) return stdout;
  const said = error?.message ?? `${stdout}${stderr}`;
  throw new Error(`Cannot run ${plugin} ${command} by ${basename(program)}: ${said}`);
}
