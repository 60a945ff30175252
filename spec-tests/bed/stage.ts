/** A private machine on which the same thing is tried many times. */
import { writeFileSync } from "node:fs";
import { apart } from "./apart.ts";
import { type Bed, createBed } from "./bed.ts";
import type { Container } from "./container.ts";
import { needsDevices, sendDeviceHome } from "./devices.ts";
import { difference, sharedBy, withoutShared } from "./difference.ts";
import { equip } from "./equipment.ts";
import type { Config } from "./invocation.ts";
import type { Outcome } from "./outcome.ts";
import type { Scenario } from "./scenarios.ts";
import type { Snapshot } from "./snapshot.ts";
import { type SystemCall, systemCalls } from "./system-calls.ts";

/**
 * An attachment of a stage. All use one namespace after another, which costs less than one each;
 * but each has a name and addresses of its own, so that none can clean up after another.
 */
export interface Attachment {
  readonly containerID: string;
  readonly config: Config;
}

/** A private machine made ready for some attempts. */
export class Stage {
  readonly bed: Bed;
  readonly #scenario: Scenario;
  /** The folder where strace leaves its notes, and from where a delegate is executed. */
  readonly #files: string;
  readonly #box: Container;
  readonly #others: readonly string[];
  #attachments = 0;
  #before: Snapshot = {};

  constructor(scenario: Scenario) {
    this.bed = createBed();
    this.#scenario = scenario;
    this.#files = this.bed.folder("stage");
    const { standIn, program, delegation, firstUse } = scenario;
    if (delegation) this.bed.host.sh(`cp ${this.bed.bin}/host-local ${this.#files}/`);
    if (standIn !== undefined) this.#script(this.#files, program, standIn);
    equip(this.bed, program);
    this.#box = usedContainer(this.bed);
    this.#connect(this.#box);
    this.#others = firstUse ? [] : ["other-id"];
    if (!firstUse) this.#addOther();
  }

  #addOther(): void {
    const { program, config } = this.#scenario;
    const container = this.bed.container("other");
    this.#connect(container);
    const own = ofContainer(withPorts(apart(config, 250), 250), this.#box, container);
    const of = { config: own, path: this.#path("ADD"), from: this.#folder };
    this.bed.exec(program, { command: "ADD", container, ...of }).result;
  }

  #connect({ name, ifName }: Container): void {
    if (this.#scenario.connected !== true) return;
    this.bed.host.sh(`
      ip link add veth-${name} up type veth peer name ${ifName} netns ${name}
      ip -netns ${name} link set ${ifName} up`);
    const { address } = this.#scenario;
    if (address !== undefined) {
      this.bed.host.sh(`ip -netns ${name} address add ${address} dev ${ifName}`);
    }
  }

  /** A new attachment. */
  attachment(containerID: string): Attachment {
    const last = 2 + (this.#attachments++ % 248);
    return { containerID, config: withPorts(apart(this.#scenario.config, last), last) };
  }

  /** Adds an attachment; what follows knows the result, as runtimes do. */
  add(attachment: Attachment): Attachment {
    const prevResult = this.run("ADD", attachment).result;
    return { ...attachment, config: { ...attachment.config, prevResult } };
  }

  /** Runs the executable for an attachment, with strace around what the scenario says. */
  run(command: string, { containerID, config }: Attachment, strace?: string): Outcome {
    if (command === "GC" && needsDevices(this.#scenario.program)) {
      sendDeviceHome(this.bed.host, this.#box);
    }
    const valid = this.#others.map((id) => ({ containerID: id, ifname: "eth0" }));
    return this.bed.exec(this.#scenario.program, {
      command,
      container: this.#box,
      config: command === "GC" ? { ...config, "cni.dev/valid-attachments": valid } : config,
      env: { CNI_CONTAINERID: containerID },
      path: this.#path(command, strace),
      from: this.#from(strace),
    });
  }

  /** Where the executable lies. */
  get #folder(): string {
    return this.#scenario.standIn === undefined ? this.bed.bin : this.#files;
  }

  #path(command: string, strace?: string): string {
    if (!this.#scenario.delegation) return this.bed.bin;
    if (strace === undefined || this.#scenario.delegation === "plugin") return this.#files;
    const real = `${this.#files}/host-local`;
    return this.#wrap(
      "host-local",
      `[ $CNI_COMMAND = ${command} ] || exec ${real}\n${strace} ${real}`,
    );
  }

  #from(strace: string | undefined): string {
    const { program, delegation } = this.#scenario;
    if (strace === undefined || delegation === "delegate") return this.#folder;
    const follow = this.#scenario.standIn === undefined ? strace : strace.replace("-qq", "-f -qq");
    return this.#wrap(program, `${follow} ${this.#folder}/${program}`);
  }

  #wrap(name: string, script: string): string {
    const folder = this.bed.folder("wrapped");
    this.#script(folder, name, script);
    return folder;
  }

  #script(folder: string, name: string, script: string): void {
    writeFileSync(this.bed.path(`${folder}/${name}`), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  /** A link that has no end on the host is for no GC to find: it goes with its container. */
  endContainer(): void {
    const { name, ifName } = this.#box;
    if (this.#scenario.connected === true) return;
    this.bed.host.sh(`
      ip -netns ${name} link show dev ${ifName} >/dev/null 2>&1 || exit 0
      [ -n "$(ip -netns ${name} link show dev ${ifName} type veth)" ] ||
        ip -netns ${name} link delete ${ifName}`);
  }

  /** All system calls of one undisturbed run, in their order. */
  record(command: string, attachment: Attachment): readonly SystemCall[] {
    const file = `${this.#files}/calls`;
    const run = this.run(command, attachment, `exec strace -qq -o ${file}`);
    if (!run.ok) throw new Error(`Cannot record ${command}: ${run.stdout}${run.stderr}`);
    return systemCalls(this.bed.read(file));
  }

  /** Remembers how the machine is, for `end`. */
  begin(): void {
    this.#before = this.bed.snapshot();
  }

  /** Ends the machine, and tells what attachments have left on it, or made unusable if asked. */
  end(attachments: readonly Attachment[], mustWork = false): readonly string[] {
    const own = (snapshot: Snapshot) =>
      attachments.reduce((rest, { config }) => withoutShared(rest, sharedBy(config)), snapshot);
    const all = difference(own(this.#before), own(this.bed.snapshot()));
    const left = this.#scenario.onlyHost ? all.filter((line) => !this.#goesAlong(line)) : all;
    const after = mustWork && left.length === 0 ? this.#fault() : [];
    this.bed.dispose();
    return [...left, ...after];
  }

  /** True for what is in the container or at its link, and so goes when they go. */
  #goesAlong(line: string): boolean {
    const { name } = this.#box;
    return line.slice(1).startsWith(` ${name} `) || line.includes(`veth-${name}`);
  }

  /** Whether an attachment still can be made and removed. */
  #fault(): readonly string[] {
    const attachment = this.attachment("after");
    const runs = ["ADD", "DEL"].map((command) => this.run(command, attachment));
    return runs.filter(({ ok }) => !ok).map(({ stdout }) => `afterwards: ${stdout}`);
  }
}

/** The configuration, with ports of its own. */
function withPorts(config: Config, more: number): Config {
  const own = (_: string, port: string) => `"hostPort":${Number(port) + more}`;
  return JSON.parse(JSON.stringify(config).replace(/"hostPort":(\d+)/g, own)) as Config;
}

/** The configuration, with what it says of one container said of another. */
function ofContainer(config: Config, one: Container, other: Container): Config {
  return JSON.parse(JSON.stringify(config).replaceAll(one.name, other.name)) as Config;
}

/** A container whose loopback was up once: the addresses it got then stay for good. */
function usedContainer(bed: Bed): Container {
  const box = bed.container();
  box.sh("ip link set lo up && ip link set lo down");
  return box;
}
