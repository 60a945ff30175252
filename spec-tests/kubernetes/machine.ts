/**
 * A machine that Kubernetes runs containers on: a network namespace on the link of all hosts, and
 * processes, mounts, files and control groups of its own. Everything ends with the test's process.
 *
 *   /run, /tmp                           empty after each start, but for /run/bed, the test's own
 *   /etc, /opt, /var/lib, /var/log       stay
 *   the sysctls that the kubelet writes  files: those of the kernel are the whole machine's
 */
import { randomUUID } from "node:crypto";
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import {
  controlGroupMounts,
  makeControlGroup,
  removeControlGroup,
  topControlGroups,
} from "../bed/control-groups.ts";
import { isRunning } from "../bed/keeper.ts";
import { Node } from "../bed/nodes.ts";
import { backgroundInBed, programsInBed } from "../bed/paths.ts";
import { waitUntil } from "../bed/patience.ts";

const GROUP = "weft-kubernetes-";

/** What all control groups of this run are in. */
const controlGroup = `/${GROUP}${process.pid}`;

/** A run that was killed could not remove its own. */
function removeOthersGroups(): void {
  for (const name of topControlGroups()) {
    const pid = name.startsWith(GROUP) ? Number(name.slice(GROUP.length)) : process.pid;
    if (!isRunning(pid)) removeControlGroup(`/${name}`);
  }
}

/** What the kubelet wants them to be. */
const sysctls: Readonly<Record<string, string>> = {
  "vm/overcommit_memory": "1",
  "vm/panic_on_oom": "0",
  "kernel/panic": "10",
  "kernel/panic_on_oops": "1",
  "kernel/keys/root_maxkeys": "1000000",
  "kernel/keys/root_maxbytes": "25000000",
};

export class Machine {
  readonly bed: Bed;
  readonly number: number;
  readonly name: string;
  /** Its network namespace, seen by the tools of the test's host. */
  readonly view: Container;
  readonly address: string;
  readonly #folder: string;
  #first = 0;
  #scripts = 0;

  /** Number n is called node<n> and is 192.0.2.n. */
  constructor(bed: Bed, number: number) {
    const { view, publicIP } = new Node(bed, number);
    this.bed = bed;
    this.number = number;
    this.name = view.name;
    this.view = view;
    this.address = publicIP;
    this.#folder = bed.folder(`machine${number}`);
    bed.host.sh(`
      cd ${this.#folder} && mkdir opt lib log && cp -a /etc/. etc
      rm -rf etc/cni && mkdir etc/cni
      mkfifo alive`);
    for (const [name, value] of Object.entries(sysctls))
      bed.write(`${this.#folder}/${name.replaceAll("/", ".")}`, `${value}\n`);
    const alive = openSync(bed.path(`${this.#folder}/alive`), "r+");
    bed.atEnd(() => {
      closeSync(alive);
      this.end();
      removeControlGroup(controlGroup);
    });
    this.start();
  }

  get controlGroup(): string {
    return `${controlGroup}/${this.name}`;
  }

  /** Starts it: its first process, which all others end with, and which ends with the test's process. */
  start(): void {
    const { bed } = this;
    removeOthersGroups();
    makeControlGroup(this.controlGroup);
    bed.write(`${this.#folder}/boot-id`, `${randomUUID()}\n`);
    bed.write(`${this.#folder}/start`, this.#firstProcess());
    this.view.sh(`
      rm -f ${this.#folder}/first
      unshare --pid --fork --kill-child --mount --uts sh ${this.#folder}/start \\
        <${this.#folder}/alive >${this.#folder}/said 2>&1 &
      echo $! >>${backgroundInBed}`);
    waitUntil("the first process of a machine", () => {
      if (!this.view.succeeds(`kill -0 $(tail -n 1 ${backgroundInBed})`))
        throw new Error(`Cannot start a machine: ${bed.read(`${this.#folder}/said`)}`);
      return bed.list(this.#folder).includes("first");
    });
    this.#first = Number(bed.read(`${this.#folder}/first`));
  }

  /** Where this process finds a file of the machine. */
  path(file: string): string {
    return `/proc/${this.#first}/root${file}`;
  }

  read(file: string): string {
    return readFileSync(this.path(file), "utf8");
  }

  write(file: string, content: string): void {
    writeFileSync(this.path(file), content);
  }

  /** The names in a folder; none if there is no such folder. */
  list(folder: string): readonly string[] {
    try {
      return readdirSync(this.path(folder)).sort();
    } catch {
      return [];
    }
  }

  /** The words that run a script on the machine, by a program that is put before it. */
  words(script: string, by = ""): readonly string[] {
    const file = `/run/bed/machine${this.number}/script-${++this.#scripts}`;
    this.bed.write(file, script);
    const enter = `nsenter -t ${this.#first} -m -p -n -u env PATH=${programsInBed}`;
    return [...enter.split(" "), ...by.split(" ").filter(Boolean), "sh", file];
  }

  /** Runs a shell script on the machine and returns what it printed; throws if it fails. */
  sh(script: string, by = ""): string {
    return this.bed.host.sh(this.words(script, by).join(" "));
  }

  succeeds(script: string): boolean {
    return this.bed.host.succeeds(this.words(script).join(" "));
  }

  /** Starts a program that stays; what it says is in a file of /var/log. */
  launch(program: string, log: string): void {
    this.sh(`${program} </dev/null >>/var/log/${log} 2>&1 &`);
  }

  /** The numbers of its processes of a name. */
  pids(name: string): readonly number[] {
    const all = this.list("/proc").filter((pid) => /^\d+$/.test(pid));
    return all.filter((pid) => this.#nameOf(pid) === name).map(Number);
  }

  #nameOf(pid: string): string {
    try {
      return this.read(`/proc/${pid}/comm`).trim();
    } catch {
      return ""; // It has just ended.
    }
  }

  /** Kills its processes of these names. */
  kill(...names: readonly string[]): void {
    const pids = names.flatMap((name) => this.pids(name));
    this.sh(`kill -9 ${pids.join(" ")}`);
    waitUntil(`the end of ${names.join()}`, () => names.every((name) => !this.pids(name).length));
  }

  /** Ends all its processes. */
  end(): void {
    if (!isRunning(this.#first)) return;
    process.kill(this.#first, "SIGKILL");
    waitUntil("the end of a machine", () => !isRunning(this.#first));
  }

  /** As after a loss of power: of its state there is what is on its disk, and nothing else. */
  restart(): void {
    this.end();
    this.view.sh(`
      nft flush ruleset
      for each in $(ip -o link show | sed -E 's/^[0-9]+: ([^:@]+).*/\\1/'); do
        case $each in lo | wire) ;; *) ip link delete "$each" 2>/dev/null ;; esac
      done
      echo 0 >/proc/sys/net/ipv4/ip_forward`);
    this.start();
  }

  #firstProcess(): string {
    const folder = this.#folder;
    const kept = { etc: "/etc", opt: "/opt", lib: "/var/lib", log: "/var/log" };
    const binds = [
      ...Object.entries(kept).map(([from, to]) => `mount --bind ${folder}/${from} ${to}`),
      ...Object.keys(sysctls).map(
        (name) => `mount --bind ${folder}/${name.replaceAll("/", ".")} /proc/sys/${name}`,
      ),
    ];
    return `
      set -e
      read -r first rest </proc/self/stat
      mount -t sysfs sysfs /sys
      ${controlGroupMounts()}
      mount -t tmpfs run /tmp
      mkdir /tmp/bed /tmp/netns && mount --rbind /run/bed /tmp/bed
      mount -n --move /tmp /run
      mount -t tmpfs tmp /tmp
      mount -t proc proc /proc
      sed "s/^btime .*/btime $(($(date +%s) + 3600))/" /proc/stat >${folder}/stat
      mount --bind ${folder}/stat /proc/stat
      mount --bind ${folder}/boot-id /proc/sys/kernel/random/boot_id
      ${binds.join("\n")}
      echo ${this.name} >/proc/sys/kernel/hostname
      mount --make-rshared /
      echo "$first" >${folder}/first.new && mv ${folder}/first.new ${folder}/first
      exec ${programsInBed}/python3 -I -S -c '
import os, signal
def collect(*_):
  try:
    while os.waitpid(-1, os.WNOHANG)[0]: pass
  except ChildProcessError: pass
signal.signal(signal.SIGCHLD, collect)
os.read(0, 1)'
`;
  }
}
