/** Every system call of a run, and runs in which one of them fails or is the last. */
import { writeFileSync } from "node:fs";
import { type Bed, createBed } from "./bed.ts";
import { bridge, bridgeWith } from "./configs.ts";
import type { Container } from "./container.ts";
import { difference, sharedBy, withoutShared } from "./difference.ts";
import { plugins } from "./executables.ts";
import type { Config, RunOptions } from "./invocation.ts";
import type { Outcome } from "./outcome.ts";
import type { Snapshot } from "./snapshot.ts";
import { workingConfig } from "./subjects.ts";

/** One system call of a run: which, and the how many-th of its name. */
export interface SystemCall {
  readonly name: string;
  readonly nth: number;
}

/** A network and the state its host is in when an attachment comes. */
export interface Scenario {
  readonly title: string;
  /** The executable under test. */
  readonly program: string;
  readonly config: Config;
  /** True if nothing of the network exists yet; else another attachment of it does. */
  readonly firstUse: boolean;
  /** Where strace sits: around the executable, or around its IPAM plugin, which is then executed. */
  readonly traced: "plugin" | "delegate";
}

const dualStack = {
  type: "host-local",
  ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]],
};

/** What a bridge network may ask for, besides the plain one that every executable gets. */
const rich: Config = bridgeWith(dualStack, {
  isDefaultGateway: true,
  ipMasq: true,
  hairpinMode: true,
  portIsolation: true,
  macspoofchk: true,
  mtu: 1400,
});

/** Every executable that can be asked for an attachment, with what it has to do at most. */
export function scenarios(): readonly Scenario[] {
  return plugins().flatMap(({ name: program }) => {
    const configs: readonly (readonly [string, Config])[] = [
      ["plain", workingConfig(program)],
      ...(program === "bridge" ? [["everything", rich] as const] : []),
    ];
    return configs.flatMap(([title, config]) =>
      [false, true].map((firstUse): Scenario => {
        const state = firstUse ? "first use" : "beside another";
        return {
          title: `${program}, ${title}, ${state}`,
          program,
          config,
          firstUse,
          traced: "plugin",
        };
      }),
    );
  });
}

/** A bridge network whose address manager is another file, so that it is executed. */
export function delegation(traced: Scenario["traced"]): Scenario {
  const config = bridge("10.1.2.0/24");
  const title = `bridge executing host-local, of the ${traced}`;
  return { title, program: "bridge", config, firstUse: false, traced };
}

/** Whether the scenario's IPAM plugin is a file of its own. */
const isExecuted = ({ title }: Scenario) => title.startsWith("bridge executing");

/** One attachment of a scenario on a stage of several. */
export interface Attempt {
  readonly box: Container;
  readonly config: Config;
  readonly call: SystemCall;
}

/** The configuration; what it says of a plugin before has another address than the attempts. */
function withOtherAddresses({ prevResult, ...config }: Config): Config {
  if (prevResult === undefined) return config;
  const text = JSON.stringify(prevResult).replaceAll("10.1.2.2/", "10.1.2.222/");
  return { ...config, prevResult: JSON.parse(text) };
}

/** A private machine made ready for some attempts. */
export class Stage {
  readonly bed: Bed;
  readonly #scenario: Scenario;
  readonly #files: string;

  constructor(scenario: Scenario) {
    this.bed = createBed();
    this.#scenario = scenario;
    this.#files = this.bed.folder("stage");
    if (isExecuted(scenario)) this.bed.host.sh(`cp ${this.bed.bin}/host-local ${this.#files}/`);
    if (!scenario.firstUse) {
      const config = withOtherAddresses(scenario.config);
      this.run("ADD", { box: this.bed.container("other"), config }).result;
    }
  }

  /** Runs the executable for an attachment, with strace around what the scenario says. */
  run(command: string, { box, config, strace }: Run): Outcome {
    const { program } = this.#scenario;
    const options: RunOptions = { path: this.#path(strace), from: this.#from(strace) };
    const call = { command, config: config ?? this.#scenario.config, ...options };
    return this.bed.exec(program, box === undefined ? call : { ...call, container: box });
  }

  #path(strace: string | undefined): string {
    if (!isExecuted(this.#scenario)) return this.bed.bin;
    if (strace === undefined || this.#scenario.traced === "plugin") return this.#files;
    const real = `${this.#files}/host-local`;
    return this.#wrapper("host-local", `[ $CNI_COMMAND = ADD ] || exec ${real}\n${strace} ${real}`);
  }

  #from(strace: string | undefined): string {
    if (strace === undefined || this.#scenario.traced === "delegate") return this.bed.bin;
    const { program } = this.#scenario;
    return this.#wrapper(program, `${strace} ${this.bed.bin}/${program}`);
  }

  #wrapper(name: string, script: string): string {
    const folder = this.bed.folder("wrapped");
    writeFileSync(this.bed.path(`${folder}/${name}`), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return folder;
  }

  /** All system calls of one undisturbed run, in their order. */
  record(command: string, box: Container): readonly SystemCall[] {
    const file = `${this.#files}/calls`;
    const run = this.run(command, { box, strace: `exec strace -qq -o ${file}` });
    if (!run.ok) throw new Error(`Cannot record ${command}: ${run.stdout}${run.stderr}`);
    return systemCalls(this.bed.read(file));
  }
}

interface Run {
  readonly box?: Container;
  readonly config?: Config;
  /** The words before the executable, `exec strace` and its options. */
  readonly strace?: string;
}

/**
 * How a process begins and ends, which is not the executable's own doing; and close(2), which on
 * Linux frees the descriptor whatever it says: kept from running, it fails as it never would.
 */
const isOfProcess = /^(execve|arch_prctl|set_tid_address|exit_group|close)$/;

function systemCalls(trace: string): readonly SystemCall[] {
  const seen = new Map<string, number>();
  const names = [...trace.matchAll(/^([a-z0-9_]+)\(/gm)].map(([, name = ""]) => name);
  return names
    .filter((name) => !isOfProcess.test(name))
    .map((name) => {
      const nth = (seen.get(name) ?? 0) + 1;
      seen.set(name, nth);
      return { name, nth };
    });
}

/** The words that let a system call of a run go wrong: `error=EIO`, `signal=KILL`. */
export function injecting({ name, nth }: SystemCall, fault: string, last = ""): string {
  return `exec strace -qq -o /dev/null -e trace=${name} -e inject=${name}:${fault}:when=${nth}${last}`;
}

/** How many attempts share a machine and its snapshot. */
const BATCH = 8;

/** Makes attempts, some at a time on one machine, and returns all that is left by them. */
export function leftBy(
  scenario: Scenario,
  calls: readonly SystemCall[],
  { attempt, finish = () => undefined }: Acts,
): readonly string[] {
  const left: string[] = [];
  for (let at = 0; at < calls.length; at += BATCH) {
    const stage = new Stage(scenario);
    const attempts = calls.slice(at, at + BATCH).map((call) => ({
      box: usedContainer(stage.bed),
      config: configOf(scenario, call),
      call,
    }));
    const before = stage.bed.snapshot();
    for (const one of attempts) {
      attempt(stage, one);
      if (scenario.firstUse && finish.length === 0) left.push(...freshen(stage.bed, one));
    }
    finish(stage, attempts);
    left.push(...leftovers(stage.bed, before, attempts));
    stage.bed.dispose();
  }
  return left;
}

interface Acts {
  readonly attempt: (stage: Stage, attempt: Attempt) => void;
  /** What is to be done for all attempts of one machine at the end. */
  readonly finish?: (stage: Stage, attempts: readonly Attempt[]) => void;
}

/** A container whose loopback was up once: the addresses it got then stay for good. */
function usedContainer(bed: Bed): Container {
  const box = bed.container();
  box.sh("ip link set lo up && ip link set lo down");
  return box;
}

/** At first use, every attempt has a store of its own. */
function configOf({ config, firstUse }: Scenario, { name, nth }: SystemCall): Config {
  const { ipam } = config as { readonly ipam?: Config };
  if (!firstUse || ipam === undefined) return config;
  return { ...config, ipam: { ...ipam, dataDir: `/var/lib/${name}-${nth}` } };
}

/** Removes what attachments share, once it is sure that nobody's is among it. */
function freshen(bed: Bed, { call }: Attempt): readonly string[] {
  const elements = bed.host.sh(`
    nft list ruleset | grep elements
    nft flush ruleset
    ip link delete br0 2>/dev/null
    echo 0 | tee /proc/sys/net/ipv4/ip_forward >/proc/sys/net/ipv6/conf/all/forwarding
    rm -rf /run/weft
    true`);
  return elements === "" ? [] : [`${call.name} ${call.nth}: ${elements.trim()}`];
}

function leftovers(bed: Bed, before: Snapshot, attempts: readonly Attempt[]): readonly string[] {
  const own = (snapshot: Snapshot) =>
    attempts.reduce((rest, { config }) => withoutShared(rest, sharedBy(config)), snapshot);
  const lines = difference(own(before), own(bed.snapshot()));
  if (lines.length === 0) return [];
  const who = attempts.map(({ box, call }) => `${box.name}: ${call.name} ${call.nth}`);
  return [...lines, `(${who.join(", ")})`];
}
