/** An executable that is attacked, on a machine that must not change. */
import { writeFileSync } from "node:fs";
import { apart } from "./apart.ts";
import { type Bed, createBed } from "./bed.ts";
import type { Container } from "./container.ts";
import { difference, type Shared, sharedBy, withoutShared } from "./difference.ts";
import { equip } from "./equipment.ts";
import type { Config } from "./invocation.ts";
import { outcome } from "./outcome.ts";
import { programsInBed } from "./paths.ts";
import { slowness } from "./patience.ts";
import { type Measured, Runner } from "./runner.ts";
import type { Snapshot } from "./snapshot.ts";
import { workingConfig } from "./subjects.ts";

/** One run: what is different from an ordinary one. */
export interface Attack {
  readonly command: string;
  /** What is wrong, in words, if it is not the whole. */
  readonly what?: string;
  readonly stdin: string | Uint8Array;
  /** Lays out what the run will find. */
  prepare?(bed: Bed): void;
  /** Variables; `undefined` takes one of the usual ones away. */
  readonly env?: Readonly<Record<string, string | Uint8Array | undefined>>;
}

/** What a run may need on a quiet machine. Sanitizers need more, and are not for measuring. */
const isMeasured = process.env.WEFT_SANITIZED !== "1";
const MILLISECONDS = 1000;
const KILOBYTES = 50 * 1024;
/** An error is for people. */
const LONGEST_ERROR = 4096;

/** A machine with one attachment, which belongs to somebody else. */
export class Target {
  readonly program: string;
  readonly bed: Bed;
  readonly box: Container;
  /** The executable that is attacked. */
  readonly #file: string;
  readonly #runner: Runner;
  readonly #before: Snapshot;
  readonly #shared: Shared[];

  /** With a script, that is run in place of the executable, which it has as `$real`. */
  constructor(program: string, standIn?: string) {
    this.program = program;
    this.bed = createBed();
    this.#file = standIn === undefined ? `${this.bed.bin}/${program}` : "/run/bed/fakes/stand-in";
    if (standIn !== undefined) {
      const script = `#!/bin/sh\nreal=${this.bed.bin}/${program}\n${standIn}\n`;
      writeFileSync(this.bed.path(this.#file), script, { mode: 0o755 });
    }
    equip(this.bed, program);
    this.box = this.bed.container();
    this.box.sh("ip link set lo up && ip link set lo down");
    protectMachine(this.bed);
    this.#runner = new Runner(this.bed);
    const config = apart(workingConfig(program), 250);
    this.bed.add(program, this.bed.container("other"), config).result;
    this.#shared = [sharedBy(config)];
    this.#before = this.bed.snapshot();
  }

  /** The configuration of another attachment: what a runtime would send. */
  get config(): Config {
    const attachments = [{ containerID: "other-id", ifname: "eth0" }];
    return { ...workingConfig(this.program), "cni.dev/valid-attachments": attachments };
  }

  /** Removes the machine. */
  dispose(): void {
    this.#runner.dispose();
    this.bed.dispose();
  }

  /** What is wrong with how a run ended, one line each; what it has added is deleted again. */
  attempt(attack: Attack): readonly string[] {
    attack.prepare?.(this.bed);
    const run = this.run(attack);
    const wrong = faultsOf(run, attack.command);
    if (attack.command !== "ADD") return wrong;
    const shared = sharedByText(attack.stdin);
    // A lock stays also if ADD fails: others may be waiting for it.
    if (run.exitCode !== 0) this.#shared.push(...shared.map(({ network = "" }) => ({ network })));
    if (run.exitCode !== 0) return wrong;
    this.#shared.push(...shared);
    const removal = this.run({ ...attack, command: "DEL", stdin: withResult(attack, run.stdout) });
    const again = faultsOf(removal, "DEL").map((line) => `DEL: ${line}`);
    const failed = removal.exitCode === 0 ? [] : [`DEL of what was added: ${removal.stdout}`];
    return [...wrong, ...again, ...failed];
  }

  /** One run, without judging it. */
  run({ command, stdin, env = {} }: Attack): Measured {
    const usual = {
      PATH: programsInBed,
      CNI_COMMAND: command,
      CNI_CONTAINERID: "hostile-id",
      CNI_NETNS: this.box.netns,
      CNI_IFNAME: "eth0",
      CNI_PATH: this.bed.bin,
    };
    const variables = Object.entries({ ...usual, ...env });
    return this.#runner.run({
      program: this.#file,
      stdin: typeof stdin === "string" ? Buffer.from(stdin) : stdin,
      env: variables.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    });
  }

  /** What is not as it was, leaving out what attachments share. */
  leftovers(): readonly string[] {
    const own = (snapshot: Snapshot) => this.#shared.reduce(withoutShared, snapshot);
    return difference(own(this.#before), own(this.bed.snapshot()));
  }
}

/** What is wrong with how a run ended and what it needed, one line each. */
export function faultsOf(run: Measured, command: string): readonly string[] {
  const { kilobytes, stdout, stderr } = run;
  return [
    ...(run.exitCode === 0 ? successFaults(run, command) : failureFaults(run)),
    ...(/^\s+at |Sanitizer|runtime error/m.test(stderr) ? [`stderr: ${stderr}`] : []),
    ...(isMeasured ? tardiness(run) : []),
    ...(isMeasured && kilobytes > KILOBYTES ? [`took ${kilobytes} KB: ${stdout}`] : []),
  ].map((line) => cut(line, 1000));
}

/**
 * What it computes is its own doing. How long it sleeps as well, if it was refused before it asked
 * the kernel for anything; else it waits for all who change links at the same time.
 */
function tardiness(run: Measured): readonly string[] {
  const { milliseconds, computing, stdout } = run;
  const sleeping = milliseconds - computing;
  const isRefused = /"code": ?[467],/.test(stdout);
  if (computing > MILLISECONDS * run.slowness) return [`computed for ${computing} ms: ${stdout}`];
  const isTardy = isRefused && sleeping > MILLISECONDS && sleeping > MILLISECONDS * slowness();
  return isTardy ? [`slept for ${sleeping} ms: ${stdout}`] : [];
}

function successFaults({ stdout }: Measured, command: string): readonly string[] {
  const prints = command === "ADD" || command === "VERSION";
  if (!prints) return stdout === "" ? [] : [`succeeds and prints ${stdout}`];
  return isObjectText(stdout) ? [] : [`succeeds and prints no object: ${stdout}`];
}

function failureFaults(run: Measured): readonly string[] {
  if (run.exitCode !== 1) return [`ends with ${run.exitCode ?? run.signal}: ${run.stderr}`];
  try {
    const { code, msg } = outcome(run, "it").error;
    return [
      ...(code === 999 ? [`a bug: ${run.stdout}`] : []),
      ...(run.stdout.length > LONGEST_ERROR ? [`an error of ${run.stdout.length} bytes`] : []),
      ...(isOneLine(msg) ? [] : [`a message that is not one line: ${run.stdout}`]),
    ];
  } catch (cause) {
    return [String(cause)];
  }
}

function isOneLine(text: string): boolean {
  return Array.from(text).every((character) => character >= " " && character !== "\x7f");
}

function isObjectText(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** The beginning of a text, for messages. */
export function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}… (${text.length} characters)` : text;
}

/** What an accepted configuration shares with its equals; its keys may be in any case. */
function sharedByText(stdin: string | Uint8Array): readonly Shared[] {
  const text = `${Buffer.from(stdin as string)}`;
  if (!isObjectText(text)) return [];
  const config = JSON.parse(text) as Config;
  const lowered = Object.entries(config).map(([key, value]) => [key.toLowerCase(), value]);
  const all = Object.fromEntries(lowered);
  const { bridge, name, vni, iptablesadminchainname } = withoutWrong(all);
  const { dataDir } = withoutWrong(Object(all.ipam));
  const iptablesAdminChainName = iptablesadminchainname;
  const own = { bridge, name, vni, ipam: { dataDir }, iptablesAdminChainName };
  // The bridge of a plugin that is delegated to is in its own configuration, or has the usual name.
  return [sharedBy(own), sharedBy({ ...own, delegate: withoutWrong(Object(all.delegate)) })];
}

/** What a runtime sends with DEL: the same text, and the result of ADD, which comes last and wins. */
function withResult({ stdin }: Attack, result: string): string {
  const text = `${Buffer.from(stdin as string)}`;
  return text.replace(/}\s*$/, () => `,"prevResult":${result}}`);
}

function withoutWrong(config: Config): Config {
  const isOfUse = (value: unknown) => typeof value === "string" || typeof value === "number";
  return Object.fromEntries(Object.entries(config).filter(([, value]) => isOfUse(value)));
}

/**
 * A hostile path may lead anywhere: what a bed has in common with the machine cannot be written,
 * nor can any sysctl that is not of the network.
 */
function protectMachine(bed: Bed): void {
  bed.host.sh(`
    for folder in /proc/sys/*; do
      [ $folder = /proc/sys/net ] || mount --bind $folder $folder
    done
    awk '{ print $2 }' /proc/self/mounts | sort -u | while read -r place; do
      case $place in
        /run | /var/lib | /tmp | /proc | /sys | /run/*) ;;
        *) mount -o remount,bind,ro "$place" 2>/dev/null || true ;;
      esac
    done
    if touch /etc/weft-hostile 2>/dev/null; then rm /etc/weft-hostile; exit 1; fi`);
}
