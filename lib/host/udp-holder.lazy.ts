/** Whose socket has a UDP port of this process's own network namespace. */

import { fileStatus, listDirectory, readTextIfPresent } from "./file.ts";

/**
 * Who has a UDP port, in words: "process 12 (name) of user 1000", or less if less can be seen;
 * undefined if no socket of a program has it.
 */
export function holderOfUdpPort(port: number): string | undefined {
  const digits = port.toString(16).toUpperCase().padStart(4, "0");
  for (const table of ["udp", "udp6"]) {
    for (const line of textOf(`/proc/net/${table}`).split("\n").slice(1)) {
      // proc(5): sl local remote st queues timer retransmits uid timeout inode
      const [, local = "", , , , , , user = "", , inode = "0"] = line.trim().split(/\s+/);
      if (!local.endsWith(`:${digits}`) || inode === "0") continue;
      return `${processWith(Number(inode)) ?? "a process"} of user ${user}`;
    }
  }
  return undefined;
}

/** The process that has a socket open: its descriptors show the socket's inode. */
function processWith(inode: number): string | undefined {
  const pid = namesIn("/proc")
    .filter((name) => /^\d+$/.test(name))
    .find((each) =>
      namesIn(`/proc/${each}/fd`).some((fd) => isSocket(`/proc/${each}/fd/${fd}`, inode)),
    );
  return pid === undefined ? undefined : `process ${pid} (${textOf(`/proc/${pid}/comm`).trim()})`;
}

function isSocket(path: string, inode: number): boolean {
  try {
    const status = fileStatus(path);
    return status?.isSocket === true && status.inode === inode;
  } catch {
    return false;
  }
}

/** Processes come and go while we look, and some may not be looked at. */
function namesIn(directory: string): string[] {
  try {
    return listDirectory(directory);
  } catch {
    return [];
  }
}

function textOf(path: string): string {
  try {
    return readTextIfPresent(path) ?? "";
  } catch {
    return "";
  }
}
