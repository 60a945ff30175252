/**
 * A tap with an SELinux context of its own. The kernel gives a tap the context of the process that
 * makes it, and a process gets another one by running a program (proc_pid_attr(5), attr/exec):
 *
 *   this process ── attr/exec: context ──▶  itself once more, the open file as its standard input
 *                                           makes the tap, and ends
 *
 * The file is this process's as well, so the tap stays, and gets the rest from here.
 */

import * as host from "host";
import { checked, EACCES, EINVAL, errnoName, SystemError } from "../host/errno.ts";
import type { Failure } from "../host/failure.ts";
import { closeFile, O_WRONLY } from "../host/file.ts";
import { fileStatus } from "../host/file-status.ts";
import { runProgram } from "../host/process.ts";
import { makeTap } from "../host/tun.ts";
import { NetError } from "./error.ts";

/** The context of the next program that this thread runs; writing nothing takes it back. */
const CONTEXT_FILE = "/proc/thread-self/attr/exec";

/** Where SELinux is switched on, this is there. */
const SELINUX_FILE = "/sys/fs/selinux/enforce";

/** How long an ioctl may take, in milliseconds. */
const WITHIN = 10_000;

const SEVERAL = "multi-queue";

/** A tap to be made in a context. */
export interface LabelledTap {
  readonly name: string;
  readonly multiQueue: boolean;
  readonly selinuxContext: string;
}

/** Has an open file make a tap in a context; 0 or -errno, as makeTap. NetError if that cannot be. */
export function makeLabelledTap(fd: number, tap: LabelledTap): number {
  const outcome = writeContext(tap.selinuxContext);
  if (outcome < 0) throw refusal(tap, -outcome);
  try {
    return -runAgain(fd, tap);
  } catch (cause) {
    throw isDenied(cause) ? refusal(tap, EACCES) : cause;
  } finally {
    takeBackContext();
  }
}

/** Why nothing can be made in a context; undefined if it can, as far as can be told. */
export function findContextFault(context: string): Failure | undefined {
  const outcome = writeContext(context);
  if (outcome < 0) return new NetError("unsupported", contextFault(context, -outcome));
  takeBackContext();
  return undefined;
}

function runAgain(fd: number, { name, multiQueue }: LabelledTap): number {
  const args = ["make", name, multiQueue ? SEVERAL : ""];
  const program = { path: "/proc/self/exe", name: "tap", args, env: [], stdin: fd };
  return runProgram({ ...program, milliseconds: WITHIN }).status;
}

/** What that other process is told: `make NAME multi-queue`; its exit status is 0 or errno. */
export function commandLine([verb, name, queues]: readonly string[]): number {
  if (verb === "make" && name !== undefined) return -makeTap(0, name, queues === SEVERAL);
  host.write(2, host.encode("tap is run by container runtimes, without arguments\n"));
  return EINVAL;
}

function writeContext(context: string): number {
  const fd = host.open(CONTEXT_FILE, O_WRONLY, 0);
  if (fd < 0) return fd;
  const outcome = host.write(fd, host.encode(context));
  closeFile(fd);
  return outcome;
}

/** What is run afterwards, such as an IPAM plugin, must not run in it. */
function takeBackContext(): void {
  checked(writeContext(""), "take back the context in", CONTEXT_FILE);
}

function isDenied(cause: unknown): boolean {
  return cause instanceof SystemError && cause.errno === EACCES;
}

function refusal({ name, selinuxContext }: LabelledTap, errno: number): NetError {
  const fault = contextFault(selinuxContext, errno);
  return new NetError("unsupported", `Cannot create tap "${name}": ${fault}`);
}

const why: { readonly [errno: number]: string } = {
  [EINVAL]: "the policy has no such context",
  [EACCES]:
    "the policy does not let this process run itself in it (setexec, transition, entrypoint)",
};

function contextFault(context: string, errno: number): string {
  const hasSelinux = fileStatus(SELINUX_FILE) !== undefined;
  const state = hasSelinux ? (why[errno] ?? errnoName(errno)) : "this kernel runs without SELinux";
  return `SELinux context "${context}" cannot be used: ${state}`;
}
