/** A host of a cluster: with flanneld or the agent on it, whichever, and pods. */
import { writeFileSync } from "node:fs";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import { Daemon } from "../bed/daemon.ts";
import { publicIPv6Of } from "../bed/flannel-node.ts";
import { Node } from "../bed/nodes.ts";
import type { Outcome, Result } from "../bed/outcome.ts";
import { flanneldFile } from "../bed/paths.ts";

/** Which program joins a host to the network. */
export type Joiner = "flanneld" | "agent";

/** Where all hosts reach the bed's own host, which has the stores. */
export const STORES = "192.0.2.254";

/** The bed's host has an address on the link of all hosts, under which stores answer. */
export function addStoresAddress(bed: Bed): void {
  bed.host.sh(`
    ip link show underlay >/dev/null 2>&1 || { ip link add underlay type bridge; ip link set underlay up; }
    ip address add ${STORES}/24 dev underlay`);
}

/** Number n is 192.0.2.n and 2001:db8::n, its node is called node<n>. */
export class Host {
  readonly #bed: Bed;
  readonly number: number;
  readonly name: string;
  readonly view: Container;
  readonly files: string;
  #pods = 0;

  constructor(bed: Bed, number: number) {
    const { view } = new Node(bed, number);
    this.#bed = bed;
    this.number = number;
    this.name = view.name;
    this.view = view;
    this.files = bed.folder(`host${number}`);
    for (const folder of ["flannel", "weft", "lib", "secrets", "bin"])
      bed.folder(`host${number}/${folder}`);
    view.sh(`
      sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
      ip address add ${publicIPv6Of(number)}/64 dev wire nodad
      ip -6 route replace default via 2001:db8::fe dev wire`);
    this.#writeProgram("on", "");
    for (const name of ["flannel", "policy"]) this.#writeProgram(name, `${bed.bin}/${name}`);
  }

  get publicIP(): string {
    return `192.0.2.${this.number}`;
  }

  /** What runs a program, or the one that is given, with this host's own folders. */
  #writeProgram(name: string, program: string): void {
    const mounts = [
      ["flannel", "/run/flannel"],
      ["weft", "/run/weft"],
      ["lib", "/var/lib"],
      ["secrets", "/run/secrets"],
    ].map(([from, to]) => `mkdir -p ${to}; mount --bind ${this.files}/${from} ${to}`);
    const text = `#!/bin/sh
exec ip netns exec ${this.name} unshare -m sh -c '${mounts.join("; ")}; exec "$@"' sh ${program} "$@"
`;
    writeFileSync(this.#bed.path(`${this.files}/bin/${name}`), text, { mode: 0o755 });
  }

  /** Starts flanneld, or our agent, with the same words; `variables` as a shell has them. */
  join(by: Joiner, words: string, variables = ""): Daemon {
    const program = by === "flanneld" ? flanneldFile : `${this.#bed.bin}/weft agent`;
    return new Daemon(
      this.#bed,
      `env ${variables} ${this.files}/bin/on ${program} --iface=wire --iptables-resync=1 ${words}`,
    );
  }

  /** Runs a program on this host, to its end. */
  sh(script: string): string {
    return this.#bed.host.sh(`${this.files}/bin/on sh -c '${script}'`);
  }

  /** Whether this host has joined, by its file. */
  get hasJoined(): boolean {
    return this.#bed.list(`${this.files}/flannel`).includes("subnet.env");
  }

  /** The values of its subnet.env. */
  get environment(): Readonly<Record<string, string>> {
    const lines = this.#bed.read(`${this.files}/flannel/subnet.env`).trim().split("\n");
    return Object.fromEntries(lines.map((line) => line.split("=", 2) as [string, string]));
  }

  /** Starts a pod by flannel's CNI plugin. */
  pod(): Pod {
    const box = this.#bed.container(`pod${this.number}x${++this.#pods}`);
    const config = {
      cniVersion: "1.0.0",
      name: "cbr0",
      type: "flannel",
      delegate: { hairpinMode: true },
    };
    const added: Outcome = this.#bed.exec("flannel", {
      command: "ADD",
      config,
      container: box,
      from: `${this.files}/bin`,
    });
    const { result } = added;
    const ips = result.ips as readonly { readonly address: string }[];
    return { box, addresses: ips.map(({ address }) => address.split("/")[0] ?? ""), result };
  }

  /** What leads to others: routes, neighbours and forwarding entries of flannel's devices and the link. */
  entries(): string {
    return this.view.sh(`
      ip route show | grep -E "flannel|via 192.0.2.[0-9]+ dev wire|proto 87" | grep -v default
      ip -6 route show | grep -E "flannel.*via|via .*flannel" | grep -v fe80
      for device in flannel.1 flannel-v6.1; do
        ip link show $device >/dev/null 2>&1 || continue
        ip neighbour show dev $device nud permanent; bridge fdb show dev $device
      done; true`);
  }
}

/** A pod and its addresses. */
export interface Pod {
  readonly box: Container;
  readonly addresses: readonly string[];
  /** What ADD printed. */
  readonly result: Result;
}

/** The pairs of pods, and addresses, that do not reach each other. */
export function unreached(pods: readonly Pod[]): readonly string[] {
  return pods.flatMap(({ box }) => {
    const others = pods.filter((pod) => pod.box !== box).flatMap(({ addresses }) => addresses);
    const answers = box.pingAll(others);
    return others.filter((_, i) => !answers[i]).map((address) => `${box.name} -> ${address}`);
  });
}
