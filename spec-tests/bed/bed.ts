import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { Container } from "./container.ts";
import { difference, type Shared, withoutShared } from "./difference.ts";
import { type Config, type Invocation, type RunOptions, run, start } from "./invocation.ts";
import type { Ended } from "./keeper.ts";
import type { Outcome } from "./outcome.ts";
import {
  bedDirectory,
  binInBed,
  fakesInBed,
  laterPeerInBed,
  peerInBed,
  programsInBed,
} from "./paths.ts";
import { type PrivateHost, startPrivateHost } from "./private-host.ts";
import { expectNoneRefused, shell } from "./programs.ts";
import { Recorder } from "./recorder.ts";
import { type Snapshot, takeSnapshot } from "./snapshot.ts";
import { View } from "./view.ts";

/** A private machine for one test: a host, its containers, its files, and nothing else. */
export class Bed {
  readonly #host: PrivateHost;
  readonly #view: View;
  readonly #endings: (() => void)[] = [];
  #containers = 0;
  #prepare: (container: Container) => void = () => undefined;

  constructor() {
    this.#host = startPrivateHost();
    this.#view = new View(this.#host.run);
  }

  /** The host's own namespace. */
  get host(): View {
    return this.#view;
  }

  /** The folder of the tested executables, as seen inside. */
  get bin(): string {
    return binInBed;
  }

  /** The folder of the reference plugins, as seen inside. */
  get peer(): string {
    return peerInBed;
  }

  /** The folder of the reference plugins 1.9.1, as seen inside. */
  get laterPeer(): string {
    return laterPeerInBed;
  }

  /** The folder of the programs that a test may run, as seen inside. */
  get programs(): string {
    return programsInBed;
  }

  /** The folder of the stand-ins, as seen inside. */
  get fakes(): string {
    return fakesInBed;
  }

  /** Remembers what has to be ended before the machine is removed, however the test went. */
  atEnd(end: () => void): void {
    this.#endings.push(end);
  }

  /** Removes the machine. */
  dispose(): void {
    for (const end of this.#endings) end();
    try {
      expectNoneRefused(this.#host.root);
    } finally {
      this.#host.dispose();
    }
  }

  /** Makes a container: a new network namespace with nothing but a loopback that is down. */
  container(name = `box${++this.#containers}`): Container {
    const words = [`${programsInBed}/ip`, "netns", "add", name];
    const { status, stderr } = this.#host.run({ words });
    if (status !== 0) throw new Error(`Cannot make the container ${name}: ${stderr}`);
    const container = new Container(this.#host.run, name);
    this.#prepare(container);
    return container;
  }

  /** From now on does something with each container that is made. */
  eachContainer(prepare: (container: Container) => void): void {
    this.#prepare = prepare;
  }

  /**
   * Makes a neighbour of the host that knows no way back into container networks, so an answer
   * from it proves that the question left with the host's own address.
   */
  outside(): Container {
    const outside = this.container("outside");
    this.#view.sh(`
      ip link add uplink type veth peer name wire netns outside
      ip address add 203.0.113.1/24 dev uplink
      ip address add 2001:db8:ffff::1/64 dev uplink nodad
      ip link set uplink up`);
    outside.sh(`
      ip address add 203.0.113.2/24 dev wire
      ip address add 2001:db8:ffff::2/64 dev wire nodad
      ip link set lo up
      ip link set wire up`);
    return outside;
  }

  /** Runs an executable and waits for its end. */
  exec(program: string, call: Invocation): Outcome {
    return run(this.#host.run, program, call);
  }

  /** Starts an executable without waiting. */
  start(program: string, call: Invocation): Promise<Outcome> {
    return start(this.#host.start, program, call);
  }

  /** ADD of a container. */
  add(program: string, container: Container, config: Config, options: RunOptions = {}): Outcome {
    return this.exec(program, { command: "ADD", container, config, ...options });
  }

  /** DEL of a container. */
  del(program: string, container: Container, config: Config, options: RunOptions = {}): Outcome {
    return this.exec(program, { command: "DEL", container, config, ...options });
  }

  /** CHECK of a container. */
  check(program: string, container: Container, config: Config, options: RunOptions = {}): Outcome {
    return this.exec(program, { command: "CHECK", container, config, ...options });
  }

  /** GC of a network. */
  gc(program: string, config: Config, options: RunOptions = {}): Outcome {
    return this.exec(program, { command: "GC", config, ...options });
  }

  /** STATUS of a network. */
  status(program: string, config: Config, options: RunOptions = {}): Outcome {
    return this.exec(program, { command: "STATUS", config, ...options });
  }

  /** VERSION, with nothing but the command in the environment. */
  version(program: string, options: RunOptions = {}): Outcome {
    return this.exec(program, { command: "VERSION", path: "", ...options });
  }

  /** Makes a stand-in plugin that is found by its name in the usual CNI_PATH. */
  recorder(name: string, folder = fakesInBed): Recorder {
    return new Recorder(this.path(folder), name);
  }

  /** Runs a shell script on the host, with nothing else in its environment, to its end. */
  run(script: string, env: Readonly<Record<string, string>>): Ended {
    return this.#host.run({ words: shell(script), env });
  }

  /** The words that run a shell script on the host, for a caller who spawns it himself. */
  command(script: string): readonly string[] {
    return [...this.#host.enter, ...shell(script)];
  }

  /** Where this process finds a file of the private machine. */
  path(file: string): string {
    return `${this.#host.root}${file}`;
  }

  /** The text of a file of the private machine. */
  read(file: string): string {
    return readFileSync(this.path(file), "utf8");
  }

  /** Writes a file of the private machine. */
  write(file: string, content: string): void {
    writeFileSync(this.path(file), content);
  }

  /** The names in a folder of the private machine; none if there is no such folder. */
  list(folder: string): readonly string[] {
    try {
      return readdirSync(this.path(folder)).sort();
    } catch {
      return [];
    }
  }

  /** A new folder for a test's own things, which snapshots leave out. */
  folder(name: string): string {
    mkdirSync(this.path(`${bedDirectory}/${name}`), { recursive: true });
    return `${bedDirectory}/${name}`;
  }

  /** The whole machine, as data. */
  snapshot(): Snapshot {
    return takeSnapshot(this.#host);
  }

  /** What differs from an earlier snapshot, one line each, leaving out what is shared. */
  leftovers(before: Snapshot, shared: Shared = {}): readonly string[] {
    return difference(withoutShared(before, shared), withoutShared(this.snapshot(), shared));
  }
}

/** Makes a private machine; call `dispose` when done. */
export function createBed(): Bed {
  return new Bed();
}
