/** Several hosts on one machine: network namespaces joined by a bridge, each with its own files. */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import type { Bed } from "./bed.ts";
import type { Container } from "./container.ts";
import { Daemon } from "./daemon.ts";
import type { Config, Invocation } from "./invocation.ts";
import type { Outcome } from "./outcome.ts";
import { Patience } from "./patience.ts";

/** A pod: a container of a node, and what ADD said of it. */
export interface Pod {
  readonly box: Container;
  readonly config: Config;
  readonly result: Config;
}

/** One host of several: number 1 is 192.0.2.1 and has 10.244.1.0/24 and fd10:0:0:1::/64. */
export class Node {
  readonly bed: Bed;
  readonly number: number;
  readonly view: Container;
  readonly publicIP: string;
  readonly #files: string;

  constructor(bed: Bed, number: number) {
    this.bed = bed;
    this.number = number;
    this.publicIP = `192.0.2.${number}`;
    this.view = bed.container(`node${number}`);
    this.#files = bed.folder(`node${number}`);
    if (!bed.host.succeeds("ip link show underlay")) {
      bed.host.sh("ip link add underlay type bridge && ip link set underlay up");
    }
    bed.host.sh(`
      ip link add port${number} type veth peer name wire netns node${number}
      ip link set port${number} master underlay up
      mkdir -p ${this.#files}/lib ${this.#files}/weft`);
    this.view.sh(`
      ip link set lo up
      ip address add ${this.publicIP}/24 dev wire
      ip link set wire up
      ip route add default via 192.0.2.254`);
    // The kernel takes note of a carrier a moment later.
    bed.host.until(`bridge link show dev port${number} | grep -q forwarding`);
    for (const program of ["vxlan-overlay", "flannel"]) this.#writeProgram(program);
  }

  /** A program as it runs on this node, with the node's own /run/weft and /var/lib. */
  #writeProgram(name: string): void {
    const enter = `exec ip netns exec ${this.view.name} unshare -m sh -c`;
    const mounts = `mkdir -p /run/weft; mount --bind ${this.#files}/lib /var/lib; mount --bind ${this.#files}/weft /run/weft`;
    const last = `exec ${this.bed.bin}/${name} "$@"`;
    const text = `#!/bin/sh\n${enter} '${mounts}; ${last}' sh "$@"\n`;
    writeFileSync(this.bed.path(`${this.#files}/${name}`), text, { mode: 0o755 });
  }

  /** How other nodes are told of this one. */
  get peer(): Config {
    return { subnet: this.subnets, publicIP: this.publicIP };
  }

  get subnets(): readonly string[] {
    return [`10.244.${this.number}.0/24`, `fd10:0:0:${this.number}::/64`];
  }

  /** The network's configuration on this node. */
  config(peers: readonly Node[], more: Config = {}): Config {
    return {
      cniVersion: "1.1.0",
      name: "pods",
      type: "vxlan-overlay",
      network: ["10.244.0.0/16", "fd10::/48"],
      subnet: this.subnets,
      ipMasq: true,
      peers: peers.filter((node) => node !== this).map(({ peer }) => peer),
      ...more,
    };
  }

  /** Runs the plugin of the configuration, vxlan-overlay or flannel, on this node. */
  run(call: Invocation): Outcome {
    return this.bed.exec(this.#programOf(call), { ...call, from: this.#files });
  }

  /** Starts it; several may run at the same time. */
  start(call: Invocation): Promise<Outcome> {
    return this.bed.start(this.#programOf(call), { ...call, from: this.#files });
  }

  #programOf({ config }: Invocation): string {
    return String(config?.type ?? "vxlan-overlay");
  }

  /** Starts a container on this node. */
  pod(config: Config, name = `pod${this.number}`): Pod {
    const box = this.bed.container(name);
    const result = this.run({ command: "ADD", config, container: box }).result as unknown as Config;
    return { box, config, result };
  }

  /** Where the node's own /run/weft/pods is. */
  get folder(): string {
    return `${this.#files}/weft/pods`;
  }

  /** Writes a file of it; replaced in one step. */
  write(name: string, content: unknown): void {
    const text = typeof content === "string" ? content : JSON.stringify(content);
    const { folder } = this;
    this.bed.host.sh(`mkdir -p ${folder}`);
    this.bed.write(`${folder}/.new`, text);
    this.bed.host.sh(`mv ${folder}/.new ${folder}/${name}`);
  }

  /** Starts the daemon; call `stop` when done. */
  daemon(config: Config): Daemon {
    this.write("net.conf", config);
    return new Daemon(this.bed, `${this.#files}/vxlan-overlay daemon /run/weft/pods/net.conf`);
  }

  /** What `vxlan-overlay` says when called with arguments on this node. */
  call(words: string): { readonly ok: boolean; readonly text: string } {
    const text = this.bed.host.sh(`${this.#files}/vxlan-overlay ${words} 2>&1; echo "status $?"`);
    return { ok: text.trimEnd().endsWith("status 0"), text };
  }
}

/** Fifty pings a second, until it is ended. */
export class Pinging {
  readonly #process: ChildProcess;
  readonly #report: Promise<string>;
  #said = "";

  constructor(bed: Bed, from: Container, address: string) {
    const [file = "", ...words] = bed.command(
      `exec ip netns exec ${from.name} ping -n -i 0.02 ${address}`,
    );
    this.#process = spawn(file, words, { stdio: ["ignore", "pipe", "inherit"] });
    bed.atEnd(() => this.#process.kill("SIGKILL"));
    this.#process.stdout?.on("data", (data) => {
      this.#said += data;
    });
    this.#report = new Promise((resolve) => this.#process.once("close", () => resolve(this.#said)));
  }

  /** Pings on for a moment and ends; the numbers of those without an answer before the last with. */
  async end(): Promise<{ readonly answered: number; readonly lost: readonly number[] }> {
    const [before, patience] = [this.#answers, new Patience()];
    while (this.#answers < before + 20 && patience.lasts()) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    this.#process.kill("SIGINT");
    const answers = [...(await this.#report).matchAll(/icmp_seq=(\d+) ttl=/g)];
    const seen = new Set(answers.map(([, number]) => Number(number)));
    if (seen.size === 0) throw new Error("no ping was answered");
    const all = Array.from({ length: Math.max(...seen) }, (_, i) => i + 1);
    return { answered: seen.size, lost: all.filter((number) => !seen.has(number)) };
  }

  get #answers(): number {
    return this.#said.split(" ttl=").length - 1;
  }
}
