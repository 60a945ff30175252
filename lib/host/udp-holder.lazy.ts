/** Whose socket has a UDP port of this process's own network namespace. */

import { findProcess, isSocketWith, type Process, textIfReadable } from "./processes.ts";

/**
 * Who has a UDP port, in words: "process 12 (name) of user 1000", or less if less can be seen;
 * undefined if no socket of a program has it.
 */
export function holderOfUdpPort(port: number): string | undefined {
  const digits = port.toString(16).toUpperCase().padStart(4, "0");
  for (const table of ["udp", "udp6"]) {
    for (const line of textIfReadable(`/proc/net/${table}`).split("\n").slice(1)) {
      // proc(5): sl local remote st queues timer retransmits uid timeout inode
      const [, local = "", , , , , , user = "", , inode = "0"] = line.trim().split(/\s+/);
      if (!local.endsWith(`:${digits}`) || inode === "0") continue;
      return `${inWords(findProcess(isSocketWith(Number(inode))))} of user ${user}`;
    }
  }
  return undefined;
}

function inWords(process: Process | undefined): string {
  return process ? `process ${process.pid} (${process.name})` : "a process";
}
