/** Running another program with a deadline: bytes in, bytes out, nothing through a shell. */

import * as host from "host";
import { checked, EFBIG, EINTR, ETIMEDOUT, SystemError } from "./errno.ts";
import { closeFile, grown, LARGEST_FILE, writeAll } from "./file.ts";

/** What to run: the path is executed as it is, `env` is the whole environment. */
export interface Program {
  readonly path: string;
  /** The name it is started by (argv[0]), if not the path. */
  readonly name?: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  /** What it reads; or an open file of the caller's, which stays open. */
  readonly stdin: Uint8Array | number;
  readonly milliseconds: number;
}

/** How a program ended: its exit status, or 256 + the signal that killed it. */
export interface Ended {
  readonly status: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

const SIGKILL = 9;

/**
 * Runs a program to its end. Throws SystemError if it cannot start; and one that is not settled if
 * it misses its deadline, or if nobody can tell how it ended: it is ended then.
 */
export function runProgram(program: Program): Ended {
  const open: number[] = [];
  try {
    const { path, name = path, stdin: input } = program;
    const stdin = typeof input === "number" ? input : holdInput(input, open);
    const [outRead, outWrite] = openPipe(open);
    const [errRead, errWrite] = openPipe(open);
    const pid = checked(
      host.spawn(
        path,
        [name, ...program.args],
        [...program.env],
        Int32Array.of(stdin, outWrite, errWrite),
      ),
      "execute",
      path,
    );
    for (const fd of open.filter((fd) => fd !== outRead && fd !== errRead)) closeOne(open, fd);
    return collectOrStop(pid, { out: outRead, err: errRead }, program);
  } finally {
    for (const fd of open) closeFile(fd);
  }
}

function closeOne(open: number[], fd: number): void {
  closeFile(fd);
  open.splice(open.indexOf(fd), 1);
}

/** stdin is a file in memory: the program may read it as slowly as it likes. */
function holdInput(bytes: Uint8Array, open: number[]): number {
  const fd = checked(host.memoryFile(), "create a file in memory");
  open.push(fd);
  writeAll(fd, bytes, "a file in memory");
  checked(host.seek(fd, 0), "rewind a file in memory");
  return fd;
}

function openPipe(open: number[]): readonly [number, number] {
  const ends = new Int32Array(2);
  checked(host.pipe(ends), "create a pipe");
  open.push(...ends);
  return [ends[0] ?? -1, ends[1] ?? -1];
}

/** The ends that we read from. */
interface Pipes {
  readonly out: number;
  readonly err: number;
}

function collectOrStop(pid: number, pipes: Pipes, program: Program): Ended {
  try {
    return collect(pid, pipes, program);
  } catch (cause) {
    host.kill(-pid, SIGKILL);
    host.kill(pid, SIGKILL);
    host.wait(pid);
    if (!(cause instanceof SystemError)) throw cause;
    throw new SystemError(cause.what, cause.errno, false);
  }
}

/** Reads both outputs until they end, then the exit status; the deadline covers all of it. */
function collect(pid: number, pipes: Pipes, program: Program): Ended {
  const deadline = host.monotonic() + program.milliseconds;
  const fds = Int32Array.of(pipes.out, pipes.err);
  const outputs = [emptyOutput(), emptyOutput()] as const;
  const what = `read what "${program.path}" says`;
  while (fds.some((fd) => fd >= 0)) {
    const ready = host.poll(fds, Math.max(0, Math.ceil(deadline - host.monotonic())));
    if (ready === -EINTR) continue;
    if (checked(ready, what) === 0) throw tooLate(program);
    for (const i of [0, 1] as const) {
      if (ready & (1 << i) && !readSome(fds[i] ?? -1, outputs[i], what)) fds[i] = -1;
    }
    if (outputs.some(({ length }) => length === LARGEST_FILE)) {
      throw new SystemError(what, EFBIG);
    }
  }
  waitUntil(pid, deadline, program);
  const status = checked(host.wait(pid), `learn how "${program.path}" ended`);
  const [stdout, stderr] = [wholeOf(outputs[0]), wholeOf(outputs[1])];
  return { status, stdout, stderr };
}

/** What a program has written so far: the first `length` bytes. */
interface Output {
  bytes: Uint8Array;
  length: number;
}

function emptyOutput(): Output {
  return { bytes: new Uint8Array(16384), length: 0 };
}

/** False at the end of what the program says. */
function readSome(fd: number, output: Output, what: string): boolean {
  if (output.length === output.bytes.length) output.bytes = grown(output.bytes);
  const n = host.read(fd, output.bytes.subarray(output.length));
  if (n === -EINTR) return true;
  output.length += checked(n, what);
  return n > 0;
}

function wholeOf({ bytes, length }: Output): Uint8Array {
  return bytes.subarray(0, length);
}

/** A program may close its outputs and go on; the process handle tells when it has ended. */
function waitUntil(pid: number, deadline: number, program: Program): void {
  const handle = host.processHandle(pid);
  if (handle < 0) return;
  const left = Math.max(0, Math.ceil(deadline - host.monotonic()));
  const ended = host.poll(Int32Array.of(handle), left) !== 0;
  closeFile(handle);
  if (!ended) throw tooLate(program);
}

function tooLate({ path, milliseconds }: Program): SystemError {
  return new SystemError(`finish "${path}" within ${milliseconds / 1000} s`, ETIMEDOUT);
}
