/** The process that holds a private host, and runs programs in it (keeper.c). */
import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  writeSync,
} from "node:fs";
import { Socket } from "node:net";
import { constants as os } from "node:os";
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
  #started = 0;
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
  run(job: Job): Ended {
    this.#request(job, false);
    const head = this.#read(headLength);
    return endOf(Buffer.concat([head, this.#read(lengthBehind(head))]));
  }

  /** Starts a program, and tells its end then; several may run at the same time. */
  async start(job: Job): Promise<Ended> {
    const file = `${this.root}${bedDirectory}/end-${++this.#started}`;
    const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const end = allOf(new Socket({ fd, readable: true, writable: false }));
    this.#request(job, true);
    this.#read(headLength);
    const bytes = await end;
    const isWhole = bytes.length >= headLength && bytes.length === headLength + lengthBehind(bytes);
    if (!isWhole) throw new Error("Cannot run a program: the keeper of its host ended");
    return endOf(bytes);
  }

  #request({ words, netns = "", env = process.env, input = "" }: Job, isApart: boolean): void {
    const variables = Object.entries(env).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${value}`],
    );
    const texts = [netns, ...words, ...variables].map((text) => `${text}\0`).join("");
    const body = Buffer.concat([Buffer.from(texts), Buffer.from(input)]);
    const head = numbers(body.length, words.length, variables.length, isApart ? 1 : 0);
    this.#write(Buffer.concat([head, body]));
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

/** Of an end: its status, and how long the two outputs behind it are. */
const headLength = 12;

function lengthBehind(head: Buffer): number {
  return head.readUInt32LE(4) + head.readUInt32LE(8);
}

function endOf(bytes: Buffer): Ended {
  const status = bytes.readUInt32LE(0);
  const isExit = (status & 0x7f) === 0;
  const behindOutput = headLength + bytes.readUInt32LE(4);
  return {
    status: isExit ? status >> 8 : null,
    signal: isExit ? null : nameOfSignal(status & 0x7f),
    stdout: bytes.subarray(headLength, behindOutput),
    stderr: bytes.subarray(behindOutput),
  };
}

async function allOf(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => {
    bytes.writeUInt32LE(value, 4 * i);
  });
  return bytes;
}

function nameOfSignal(number: number): string {
  const [name] = Object.entries(os.signals).find(([, value]) => value === number) ?? [];
  return name ?? `signal ${number}`;
}
