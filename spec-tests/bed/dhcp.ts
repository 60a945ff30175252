/** A network with a DHCP server, for containers on a bridge of the host, and the daemon of dhcp. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Bed } from "./bed.ts";
import type { Container } from "./container.ts";
import { Daemon } from "./daemon.ts";
import type { Config } from "./invocation.ts";
import { backgroundInBed } from "./paths.ts";

/** How a server behaves, from its next message on. */
export interface Rules {
  /** Seconds. */
  readonly lease?: number;
  readonly silent?: boolean;
  readonly nak?: boolean;
  /** True to send messages that are damaged, or lie, before each answer. */
  readonly noise?: boolean;
  /** The one address that it gives. */
  readonly address?: string;
  /** Options by code, in hexadecimal; null leaves one out. */
  readonly options?: { readonly [code: string]: string | null };
}

/** A message that a server has heard. */
export interface Heard {
  readonly message: string;
  readonly id: string;
  readonly host: string;
  readonly asked: readonly number[];
  readonly requested: string;
  readonly server: string;
  readonly ciaddr: string;
  readonly broadcast: boolean;
  readonly from: string;
}

/** A network with a server, which is 10.77.0.1 and gives out 10.77.0.10 and on: all in a namespace. */
export class Lan {
  readonly bed: Bed;
  readonly server: Container;
  readonly #folder: string;

  constructor(bed: Bed, rules: Rules = {}) {
    this.bed = bed;
    this.server = bed.container("server");
    this.#folder = bed.folder("dhcp-server");
    this.server.sh(`
      ip link add lan type bridge
      ip address add 10.77.0.1/24 dev lan
      ip link set lan addrgenmode none up`);
    const program = readFileSync(resolve(import.meta.dirname, "dhcp-server.py"), "utf8");
    bed.write(`${this.#folder}/server.py`, program);
    this.behave(rules);
    this.start();
  }

  /** Connects a bridge of the host, which is made. */
  connectBridge(name: string): void {
    this.bed.host.sh(`
      ip link add ${name} type bridge
      ip link set ${name} addrgenmode none up
      ip link add lan master ${name} type veth peer name p-${name} netns server
      ip link set lan addrgenmode none up
      ip -netns server link set p-${name} master lan addrgenmode none up`);
    this.#await(`p-${name}`);
  }

  /** Connects a container by hand. */
  connect({ name, ifName }: Container): void {
    this.server.sh(`ip link add p-${name} master lan type veth peer name link-${name}`);
    this.bed.host.sh(`
      ip -netns server link set link-${name} netns ${name} name ${ifName}
      ip -netns server link set p-${name} addrgenmode none up
      ip -netns ${name} link set ${ifName} addrgenmode none up`);
    this.#await(`p-${name}`);
  }

  #await(port: string): void {
    this.server.until(`bridge link show dev ${port} | grep -q "state forwarding"`);
  }

  /** Starts the server, which knows nothing of former leases. */
  start(): void {
    this.server.sh(`
      rm -f ${this.#folder}/ready
      python3 -I -S ${this.#folder}/server.py lan 10.77.0.1 ${this.#folder} </dev/null >${this.#folder}/said 2>&1 &
      echo $! >${this.#folder}/pid
      echo $! >>${backgroundInBed}`);
    this.server.until(`test -e ${this.#folder}/ready`);
  }

  /** Changes how it behaves. */
  behave(rules: Rules): void {
    this.bed.write(`${this.#folder}/.rules`, JSON.stringify(rules));
    this.bed.host.sh(`mv ${this.#folder}/.rules ${this.#folder}/rules`);
  }

  /** What it has heard so far, whole lines only. */
  get heard(): readonly Heard[] {
    if (!this.bed.list(this.#folder).includes("heard")) return [];
    const lines = this.bed.read(`${this.#folder}/heard`).split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Heard);
  }

  /** The kinds of messages it has heard, such as "discover". */
  get kinds(): readonly string[] {
    return this.heard.map(({ message }) => message);
  }
}

/** True for what is about the plugin that asks servers, by the name of an executable or by a title. */
export function needsLan(title: string): boolean {
  return /\bdhcp\b/.test(title);
}

/** A server and the daemon; each container that is made later has `eth0` on the server's network. */
export function addLan(bed: Bed): void {
  const lan = new Lan(bed);
  const said = `${bed.folder("dhcp-daemon")}/said`;
  // An alarm outlives exec: a run that was killed leaves no daemon for longer than an hour.
  bed.host.sh(`
    perl -e 'alarm 3600; exec @ARGV' ${bed.bin}/dhcp daemon </dev/null >${said} 2>&1 &
    echo $! >>${backgroundInBed}`);
  bed.host.until(`grep -q ^started: ${said}`);
  bed.eachContainer((container) => lan.connect(container));
}

/** A network on bridge `br0` whose addresses come from a server. */
export function dhcpBridge(ipam: Config = {}, more: Config = {}): Config {
  const base = { cniVersion: "1.1.0", name: "lan", type: "bridge", bridge: "br0" };
  return { ...base, ipam: { type: "dhcp", ...ipam }, ...more };
}

/** The same, for dhcp called by itself. */
export const alone: Config = {
  cniVersion: "1.1.0",
  name: "lan",
  type: "dhcp",
  ipam: { type: "dhcp" },
};

/** Starts the daemon and waits until it listens. */
export async function startDaemon(bed: Bed, flags = "-timeout 1s"): Promise<Daemon> {
  const daemon = new Daemon(bed, `${bed.bin}/dhcp daemon ${flags}`);
  await daemon.until("the daemon", () => daemon.said.includes("started: "));
  return daemon;
}
