/** The process that holds a private host, and runs programs in it (keeper.c). */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { constants } from "node:os";
import { bedDirectory } from "./paths.ts";
import { waitUntil } from "./patience.ts";

/** What is run in a private host. */
export interface Job {
  /** The program by its path, or by a name that is looked for in PATH; then its words. */
  readonly words: readonly string[];
  /** The path of a network namespace; the host's own if not given. */
  readonly netns?: string;
  /** All of its environment; this process's own if not given. */
  readonly env?: NodeJS.ProcessEnv;
  /** Its standard input; empty if not given. */
  readonly input?: string | Uint8Array;
}

/** How it ended. What cannot be started at all ends with status 1 and says why. */
export interface Ended {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** The words with which a message of the keeper itself begins. */
export const keeperSays = "keeper: ";

/** One private host: it is there as long as this process, or until `dispose`. */
export class Keeper {
  readonly #child: ChildProcess;
  readonly #requests: number;
  readonly #answers: number;
  /** The process, as the kernel knows it. */
  readonly pid: number;
  /** Its root folder, as this process sees it. */
  readonly root: string;

  /** `folders`: of the executables, the reference plugins, later ones, and of programs. */
  constructor(folders: readonly [string, string, string, string]) {
    const child = spawn(`${folders[3]}/keeper`, folders, { stdio: ["pipe", "ignore", "inherit"] });
    this.#child = child;
    this.pid = child.pid ?? 0;
    this.root = `/proc/${child.pid}/root`;
    const requests = `${this.root}${bedDirectory}/requests`;
    waitUntil("a private host", () => {
      if (!isRunning(child.pid)) throw new Error("Cannot make a private host: its keeper ended");
      return existsSync(requests);
    });
    child.unref();
    if (child.stdin instanceof Socket) child.stdin.unref();
    this.#requests = openSync(requests, "w");
    this.#answers = openSync(`${this.root}${bedDirectory}/answers`, "r");
  }

  /** Runs a program to its end, and until nobody writes to its outputs any more. */
  run({ words, netns = "", env = process.env, input = "" }: Job): Ended {
    const variables = Object.entries(env).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${value}`],
    );
    const texts = [netns, ...words, ...variables].map((text) => `${text}\0`).join("");
    const body = Buffer.concat([Buffer.from(texts), Buffer.from(input)]);
    this.#write(Buffer.concat([numbers(body.length, words.length, variables.length), body]));
    const head = this.#read(12);
    const status = head.readUInt32LE(0);
    const isExit = (status & 0x7f) === 0;
    return {
      status: isExit ? status >> 8 : null,
      signal: isExit ? null : nameOfSignal(status & 0x7f),
      stdout: this.#read(head.readUInt32LE(4)),
      stderr: this.#read(head.readUInt32LE(8)),
    };
  }

  /** Removes the private host. */
  dispose(): void {
    closeSync(this.#requests);
    closeSync(this.#answers);
    this.#child.stdin?.destroy();
    this.#child.kill("SIGKILL");
  }

  #write(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#requests, bytes, at);
  }

  #read(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; ) {
      const some = readSync(this.#answers, bytes, at, length - at, null);
      if (some === 0) throw new Error("Cannot run a program: the keeper of its host ended");
      at += some;
    }
    return bytes;
  }
}

/** Exit statuses come only when this process does not wait; what the kernel knows comes at once. */
export function isRunning(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => {
    bytes.writeUInt32LE(value, 4 * i);
  });
  return bytes;
}

function nameOfSignal(number: number): string {
  const [name] = Object.entries(constants.signals).find(([, value]) => value === number) ?? [];
  return name ?? `signal ${number}`;
}
