/** Networks as an operator has them: files in a folder, stand-in plugins, and `weft` that runs them. */
import { spawn } from "node:child_process";
import type { Bed } from "./bed.ts";
import type { RecordedCall, Recorder } from "./recorder.ts";

/** How a command ended, and what it said. */
export interface Said {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a stand-in answers to one command, if not success. */
export interface Reply {
  /** Text as it is, anything else as JSON. */
  readonly stdout?: unknown;
  readonly stderr?: string;
  readonly exitCode?: number;
  /** Shell lines that are run before. */
  readonly before?: string;
}

/**
 * The result that a stand-in answers to ADD unless it is told otherwise. No container of any test
 * has the address: namespaces are sought on the whole machine.
 */
export const usualResult = {
  cniVersion: "1.1.0",
  ips: [{ address: "10.251.34.3/24" }],
};

/** An error as a plugin prints it. */
export function failure(code: number, msg: string): Reply {
  return { stdout: { cniVersion: "1.1.0", code, msg }, exitCode: 1 };
}

/** A folder of networks in a bed, with the programs that run them. */
export class Lists {
  readonly #bed: Bed;
  /** The folder, as seen inside. */
  readonly folder: string;
  readonly #order: string;

  constructor(bed: Bed) {
    this.#bed = bed;
    this.folder = bed.folder("net.d");
    this.#order = `${bed.folder("order")}/calls`;
    bed.write(this.#order, "");
  }

  /** Writes a file of the folder: text as it is, anything else as JSON. */
  write(name: string, content: unknown): void {
    const text = typeof content === "string" ? content : JSON.stringify(content);
    this.#bed.write(`${this.folder}/${name}`, text);
  }

  /** Writes the list `net` of version 1.1.0 with plugins by their types or configurations. */
  net(plugins: readonly unknown[], more: object = {}): void {
    const all = plugins.map((each) => (typeof each === "string" ? { type: each } : each));
    this.write("10-net.conflist", { cniVersion: "1.1.0", name: "net", plugins: all, ...more });
  }

  /** Makes a stand-in that answers ADD with a result, and everything else with success. */
  plugin(name: string, replies: Readonly<Record<string, Reply>> = {}): Recorder {
    const recorder = this.#bed.recorder(name);
    for (const command of ["ADD", "DEL", "CHECK", "GC", "STATUS"]) {
      this.reply(recorder, name, { command, ...replies[command] });
    }
    return recorder;
  }

  /** From now on, a stand-in answers a command so. */
  reply(recorder: Recorder, name: string, reply: Reply & { readonly command: string }): void {
    const { command, stderr = "", exitCode = 0, before = "" } = reply;
    const stdout = reply.stdout ?? (command === "ADD" ? usualResult : "");
    const text = typeof stdout === "string" ? stdout : JSON.stringify(stdout);
    const lines = [
      `echo "${command} ${name}" >>${this.#order}`,
      before,
      `printf %s '${text}'`,
      `printf %s '${stderr}' >&2`,
      `exit ${exitCode}`,
    ];
    recorder.script(command, lines.join("\n"));
  }

  /** All calls of stand-ins so far, as `ADD pa`, in their order. */
  get order(): readonly string[] {
    return this.#bed.read(this.#order).split("\n").filter(Boolean);
  }

  /** Waits until stand-ins have been called so often. */
  untilCalled(times: number): void {
    this.#bed.host.until(`[ $(wc -l <${this.#order}) -ge ${times} ]`);
  }

  /** Waits until somebody waits for a lock of `weft`, by a pattern of the shell for its file. */
  untilWaiting(pattern: string): void {
    const inodes = `stat -c 'FLOCK.*:%i ' /run/cni/weft/${pattern}`;
    this.#bed.host.until(`${inodes} | sed 's/^/-> /' | grep -q -f - /proc/locks`);
  }

  /** Runs `weft` to its end. */
  weft(words: string, env: Readonly<Record<string, string>> = {}): Said {
    return this.run(`${this.#bed.bin}/weft ${words}`, env);
  }

  /** Runs a command line of the shell to its end, with the folder and the plugins set. */
  run(line: string, env: Readonly<Record<string, string>> = {}): Said {
    const { status, stdout, stderr } = this.#bed.run(line, { ...this.#env(), ...env });
    return { status, stdout: `${stdout}`, stderr: `${stderr}` };
  }

  /** Starts `weft`; the promise is kept when it has ended. */
  start(words: string): Promise<number | null> {
    const [file = "", ...rest] = this.#bed.command(`${this.#bed.bin}/weft ${words}`);
    const child = spawn(file, rest, { env: this.#env(), stdio: "ignore" });
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    });
  }

  #env() {
    const { bin, fakes, programs } = this.#bed;
    return { PATH: programs, NETCONFPATH: this.folder, CNI_PATH: `${bin}:${fakes}` };
  }
}

/** The configuration that a stand-in got. */
export function configOf(call: RecordedCall | undefined): Readonly<Record<string, unknown>> {
  return JSON.parse(call?.stdin ?? "null");
}

/** Where results are kept. */
export const resultsFolder = "/var/lib/cni/results";
