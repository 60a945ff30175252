/** Running another program with a deadline: bytes in, bytes out, nothing through a shell. */

import * as host from "host";
import { checked, EFBIG, ETIMEDOUT, SystemError } from "./errno.ts";
import { closeFile, grown, LARGEST_FILE, writeAll } from "./file.ts";

/** What to run: the path is executed as it is, `env` is the whole environment. */
export interface Program {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly stdin: Uint8Array;
  readonly milliseconds: number;
}

/** How a program ended: its exit status, or 256 + the signal that killed it. */
export interface Ended {
  readonly status: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

const SIGKILL = 9;

/** Runs a program to its end; throws SystemError if it cannot start or misses its deadline. */
export function runProgram(program: Program): Ended {
  const open: number[] = [];
  try {
    const stdin = holdInput(program.stdin, open);
    const [outRead, outWrite] = openPipe(open);
    const [errRead, errWrite] = openPipe(open);
    const pid = checked(
      host.spawn(
        program.path,
        [program.path, ...program.args],
        [...program.env],
        Int32Array.of(stdin, outWrite, errWrite),
      ),
      () => `execute "${program.path}"`,
    );
    for (const fd of [stdin, outWrite, errWrite]) closeOne(open, fd);
    return collect(pid, { out: outRead, err: errRead }, program);
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
  const fd = checked(host.memoryFile(), () => "create a file in memory");
  open.push(fd);
  writeAll(fd, bytes, "a file in memory");
  host.seek(fd, 0);
  return fd;
}

function openPipe(open: number[]): readonly [number, number] {
  const ends = new Int32Array(2);
  checked(host.pipe(ends), () => "create a pipe");
  open.push(...ends);
  return [ends[0] ?? -1, ends[1] ?? -1];
}

/** Reads both outputs until they end, then the exit status; the deadline covers all of it. */
function collect(pid: number, pipes: { out: number; err: number }, program: Program): Ended {
  const deadline = host.monotonic() + program.milliseconds;
  const fds = Int32Array.of(pipes.out, pipes.err);
  const outputs = [emptyOutput(), emptyOutput()] as const;
  while (fds.some((fd) => fd >= 0)) {
    const ready = host.poll(fds, Math.max(0, Math.ceil(deadline - host.monotonic())));
    if (ready === 0) return giveUp(pid, program);
    for (const i of [0, 1] as const) {
      if (ready > 0 && ready & (1 << i) && !readSome(fds[i] ?? -1, outputs[i])) fds[i] = -1;
    }
    if (outputs.some(({ length }) => length === LARGEST_FILE)) {
      return stop(pid, new SystemError(`read what "${program.path}" says`, EFBIG));
    }
  }
  waitUntil(pid, deadline, program);
  const status = checked(host.wait(pid), () => `learn how "${program.path}" ended`);
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

function readSome(fd: number, output: Output): boolean {
  if (output.length === output.bytes.length) output.bytes = grown(output.bytes);
  const n = host.read(fd, output.bytes.subarray(output.length));
  if (n > 0) output.length += n;
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
  if (!ended) giveUp(pid, program);
}

function giveUp(pid: number, { path, milliseconds }: Program): never {
  const what = `finish "${path}" within ${milliseconds / 1000} s`;
  return stop(pid, new SystemError(what, ETIMEDOUT));
}

function stop(pid: number, reason: SystemError): never {
  host.kill(-pid, SIGKILL);
  host.kill(pid, SIGKILL);
  host.wait(pid);
  throw reason;
}
