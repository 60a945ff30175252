/**
 * dhcp as a program of its own: `dhcp daemon [flags]` keeps the leases that the plugin asks for.
 *
 * It listens at its socket, or at the one that systemd gives it (sd_listen_fds(3)), until SIGTERM or
 * SIGINT. The leases stay, for whoever is started after it.
 */

import { sayLine } from "../../lib/cni/command-line.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import { allowDescriptors, givenSockets, processId } from "../../lib/host/activation.ts";
import { deleteFileIfPresent, replaceFile } from "../../lib/host/file.ts";
import { descriptorStatus } from "../../lib/host/file-status.ts";
import { ensureOwnDirectory } from "../../lib/host/own-directory.ts";
import { listenWhereFree } from "../../lib/host/unix-listener.ts";
import { Daemon } from "./daemon.ts";
import { FlagError, type Flags, parseFlags, usage } from "./flags.ts";
import { recordsOf } from "./record-files.ts";

/** Runs the command line; returns the exit status: 2 for wrong flags, 1 for what fails later. */
export function commandLine([command, ...args]: readonly string[]): number {
  try {
    const flags = command === "daemon" ? parseFlags(args) : undefined;
    if (flags) return runDaemon(flags);
    sayLine("stderr", usage);
    return command === "daemon" || /^(help|--?h(elp)?)$/.test(command ?? "") ? 0 : 2;
  } catch (cause) {
    if (!(cause instanceof FlagError)) {
      sayLine("stderr", CniError.from(cause).message);
      return 1;
    }
    for (const line of [cause.message, usage]) sayLine("stderr", line);
    return 2;
  }
}

/** A connection and a packet socket for each container that starts, or is asked for again. */
const DESCRIPTORS = 65_536;

function runDaemon(flags: Flags): number {
  allowDescriptors(DESCRIPTORS);
  writePidfile(flags.pidfile);
  const path = flags.hostprefix + flags.socketpath;
  const given = onlySocket(givenSockets());
  try {
    ensureOwnDirectory(recordsOf(path), 0o700);
    const { timeout, resendmax: resendMax, resendtimeout: resendTimeout } = flags;
    const daemon = new Daemon(
      {
        listener: given ?? listenWhereFree(path),
        records: recordsOf(path),
        prefix: flags.hostprefix,
        broadcast: flags.broadcast,
        timing: { timeout, resendMax, resendTimeout },
      },
      (event, message) => sayLine("stdout", `${event}: ${message}`),
    );
    daemon.run();
    if (given === undefined) deleteFileIfPresent(path);
    return 0;
  } finally {
    if (flags.pidfile !== "") deleteFileIfPresent(flags.pidfile);
  }
}

function writePidfile(path: string): void {
  if (path === "") return;
  if (!path.startsWith("/")) {
    const state = "its path is not absolute";
    throw new CniError(Code.config, `Cannot write pidfile "${path}": ${state}`);
  }
  replaceFile(path, String(processId()), 0o644);
}

function onlySocket(given: readonly number[]): number | undefined {
  const [first] = given;
  if (given.length > 1) {
    throw unlistenable(`Too many (${given.length}) FDs passed through socket activation`);
  }
  if (first === undefined || descriptorStatus(first).isSocket) return first;
  throw unlistenable(`descriptor ${first} is no socket`);
}

function unlistenable(state: string): CniError {
  return new CniError(Code.config, `Cannot listen: ${state}`);
}
