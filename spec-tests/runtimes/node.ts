/**
 * A machine on which a runtime can run: a bed with processes of its own and control groups, that can be
 * started anew. What runtimes mount below /run is seen by the bed as well, and everything ends with it.
 */

import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import type { Bed } from "../bed/bed.ts";
import { controlGroupMounts, removeControlGroup } from "../bed/control-groups.ts";
import { isRunning } from "../bed/keeper.ts";
import { backgroundInBed, programsInBed } from "../bed/paths.ts";
import { waitUntil } from "../bed/patience.ts";
import type { View } from "../bed/view.ts";

/** What containers' control groups are below, in each hierarchy; it vanishes with the run. */
export const cgroup = `/weft-runtimes-${process.pid}`;

/** The runtimes' own things, which are no business of plugins. */
const own =
  /^(file|folder|link) (\/run|\/var\/lib)\/(containerd|containers|crun|runc|libpod|netns|lock|user|conmon)(\/|:|$)/;

/** Which address was given last is remembered, and not what this is about. */
const lastGiven = /^~ file \/var\/lib\/cni\/networks\/[^/]+\/last_reserved_ip\.\d+ /;

export class RuntimeNode {
  readonly bed: Bed;
  readonly #plugins: string;
  #first = 0;

  /** `plugins`: the folder of those that are its /opt/cni/bin. */
  constructor(bed: Bed, plugins: string) {
    this.bed = bed;
    this.#plugins = plugins;
    bed.atEnd(() => {
      this.end();
      removeControlGroup(cgroup);
    });
    bed.folder("node");
    bed.host.sh(`
      ip link set lo up
      mount --make-shared /run
      mkdir /run/bed/node/etc && cp -a /etc/. /run/bed/node/etc
      rm -rf /run/bed/node/etc/cni && mkdir -p /run/bed/node/etc/cni/net.d`);
    this.start();
  }

  /** Starts the machine: its first process, which all others end with. */
  start(): void {
    const { bed } = this;
    const pidFile = "/run/bed/node/first";
    bed.write("/run/bed/node/boot-id", `${randomUUID()}\n`);
    bed.write("/run/bed/node/start", firstProcess(pidFile, this.#plugins));
    bed.host.sh(`
      rm -f ${pidFile}
      unshare --pid --fork --kill-child --mount --propagation unchanged sh /run/bed/node/start \\
        </dev/null >/run/bed/node/said 2>&1 &
      echo $! >>${backgroundInBed}`);
    waitUntil("the first process of a machine", () => bed.list("/run/bed/node").includes("first"));
    this.#first = Number(bed.read(pidFile).split(" ")[0]);
  }

  /** The words that start a program on the machine. */
  enter(words: string): string {
    return `nsenter -t ${this.#first} -m -p env PATH=${programsInBed} ${words}`;
  }

  /** Runs a shell script on the machine and returns what it printed. */
  sh(script: string): string {
    this.bed.write("/run/bed/node/script", script);
    return this.bed.host.sh(this.enter("sh /run/bed/node/script"));
  }

  /** Writes a file in its /etc. */
  configure(file: string, content: string): void {
    this.bed.write(`/run/bed/node/etc/${file}`, content);
  }

  /** The names of its processes but the first. */
  get processes(): readonly string[] {
    return [...this.#namesByPid.values()].sort();
  }

  /** Waits until these are its only processes: a shim that was told to end takes its moment. */
  untilOnly(...names: readonly string[]): void {
    waitUntil(`the end of all but ${names}`, () => `${this.processes}` === `${names}`);
  }

  /** Kills its processes of a name; one that is just being started may have ended by then. */
  kill(name: string): void {
    const pids = [...this.#namesByPid].filter(([, each]) => each === name).map(([pid]) => pid);
    this.sh(`kill -9 ${pids.join(" ")} || true`);
    waitUntil(`the end of ${name}`, () => pids.every((pid) => !this.#namesByPid.has(pid)));
  }

  get #namesByPid(): ReadonlyMap<string, string> {
    const proc = `/proc/${this.#first}/root/proc`;
    const pids = readdirSync(proc).filter((pid) => /^\d+$/.test(pid) && pid !== "1");
    return new Map(pids.flatMap((pid) => nameOf(`${proc}/${pid}/comm`).map((name) => [pid, name])));
  }

  /** Ends all its processes. */
  end(): void {
    if (!isRunning(this.#first)) return;
    process.kill(this.#first, "SIGKILL");
    waitUntil("the end of a machine", () => !isRunning(this.#first));
  }

  /** As after a loss of power: of its state there is /var/lib, and nothing else. */
  restart(): void {
    this.end();
    this.bed.host.sh(`
      own="/run/(netns/(cni|netns)-|containerd|crun|runc|containers)"
      cut -d " " -f 5 /proc/self/mountinfo | grep -E "^$own" |
        sort -r | while read -r each; do umount -l "$each" 2>/dev/null; done
      rm -f /run/netns/cni-* /run/netns/netns-*
      for each in /run/*; do
        case \${each#/run/} in bed | mount | netns | flannel) ;; *) rm -rf "$each" ;; esac
      done
      nft flush ruleset
      for each in $(ip -o link show | sed -E 's/^[0-9]+: ([^:@]+).*/\\1/'); do
        case $each in lo | uplink* | wan) ;; *) ip link delete "$each" 2>/dev/null ;; esac
      done
      echo 0 >/proc/sys/net/ipv4/ip_forward`);
    this.start();
  }

  /** What is on the machine that was not before, but for what attachments share and the runtimes' own. */
  leftovers(before: ReturnType<Bed["snapshot"]>, shared: Parameters<Bed["leftovers"]>[1] = {}) {
    const told = this.bed.leftovers(before, shared);
    return told.filter((line) => !own.test(line.slice(2)) && !lastGiven.test(line));
  }
}

/** It has a /proc of its own, which tells of a boot after an hour without power, and collects what others leave. */
function firstProcess(pidFile: string, plugins: string): string {
  return `
    read -r first rest </proc/self/stat
    ${controlGroupMounts()}
    mount -t tmpfs opt /opt && mkdir -p /opt/cni/bin && mount --bind ${plugins} /opt/cni/bin
    mount --bind /run/bed/node/etc /etc
    mount -t proc proc /proc
    sed "s/^btime .*/btime $(($(date +%s) + 3600))/" /proc/stat >/run/bed/node/stat
    mount --bind /run/bed/node/stat /proc/stat
    mount --bind /run/bed/node/boot-id /proc/sys/kernel/random/boot_id
    echo "$first" >${pidFile}.new && mv ${pidFile}.new ${pidFile}
    exec ${programsInBed}/python3 -I -S -c '
import os, signal
signal.signal(signal.SIGCHLD, lambda *_: None)
while True:
  try:
    while os.waitpid(-1, os.WNOHANG)[0]: pass
  except ChildProcessError: pass
  signal.sigtimedwait([signal.SIGCHLD], 1)'
`;
}

function nameOf(file: string): readonly string[] {
  try {
    return [readFileSync(file, "utf8").trim()];
  } catch {
    return []; // It has just ended.
  }
}

/** By whom a box at this address says that it is asked. */
export function asked(from: View, address: string): string {
  from.until(`busybox wget -q -O - http://${address}/cgi-bin/who`);
  const answer = from.sh(`busybox wget -q -O - http://${address}/cgi-bin/who`);
  return answer.trim().replace(/^\[(::ffff:)?|\]$/g, "");
}
