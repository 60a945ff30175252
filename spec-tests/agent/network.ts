/** A network whose hosts have the agent, and find each other in etcd. */
import type { Bed } from "../bed/bed.ts";
import type { Daemon } from "../bed/daemon.ts";
import { Patience } from "../bed/patience.ts";
import { Etcd, type EtcdMore } from "../cluster/etcd.ts";
import { addStoresAddress, Host, STORES } from "../cluster/host.ts";

export const PREFIX = "/coreos.com/network";

export const CONFIG = { Network: "10.77.0.0/16", SubnetLen: 24, Backend: { Type: "vxlan" } };

/** What flannel writes of host n. */
export function entryOf(n: number): string {
  return JSON.stringify({
    PublicIP: `192.0.2.${n}`,
    PublicIPv6: null,
    BackendType: "vxlan",
    BackendData: { VNI: 1, VtepMAC: `0a:00:00:00:00:${`${n}`.padStart(2, "0")}` },
  });
}

/** An etcd with a network's configuration, unless that is null. */
export async function etcdWith(
  bed: Bed,
  config: object | null = CONFIG,
  more: EtcdMore = {},
): Promise<Etcd> {
  addStoresAddress(bed);
  const etcd = await new Etcd(bed, STORES, 2379, more).ready();
  if (config) etcd.ctl(`put ${PREFIX}/config '${JSON.stringify(config)}'`);
  return etcd;
}

/** Whether there are a route to a subnet /24, the neighbour it leads to, and where its frames go. */
export function leadsTo(entries: string, subnet: string): boolean {
  const neighbour = `^${subnet.replaceAll(".", "\\.")} lladdr (\\S+)`;
  const [, mac] = new RegExp(neighbour, "m").exec(entries) ?? [];
  const hasRoute = entries.includes(`${subnet}/24 via ${subnet} `);
  return hasRoute && mac !== undefined && entries.includes(`${mac} dst `);
}

/** A host and the agent on it. */
export class Joined {
  readonly host: Host;
  readonly etcd: Etcd;
  readonly #words: string;
  agent: Daemon;

  /** Starts the agent; `words` are more flags of it, `prepare` is done to the host before. */
  constructor(
    bed: Bed,
    number: number,
    etcd: Etcd,
    words = "",
    prepare: (host: Host) => void = () => {},
  ) {
    this.host = new Host(bed, number);
    prepare(this.host);
    this.etcd = etcd;
    this.#words = words.includes("--etcd-endpoints")
      ? words
      : `--etcd-endpoints=${etcd.url} ${words}`;
    this.agent = this.#start();
  }

  #start(): Daemon {
    return this.host.join("agent", this.#words);
  }

  /** Starts it once more, after it was ended. */
  again(): void {
    this.agent = this.#start();
  }

  /** Waits until it has a subnet, and the file that tells of it. */
  async ready(): Promise<this> {
    await this.agent.until("a subnet", () => this.host.hasJoined);
    return this;
  }

  /** Waits for words of its log, or for something else that comes after so long on a quiet machine. */
  async until(what: string | (() => boolean), milliseconds = 30_000): Promise<void> {
    const holds = typeof what === "string" ? () => this.agent.said.includes(what) : what;
    await this.agent.until(String(what), holds, new Patience(milliseconds));
  }

  /** Its keys in etcd, without the prefix. */
  get keys(): readonly string[] {
    const own = `"PublicIP":"${this.host.publicIP}"`;
    const all = [...this.etcd.keys(`${PREFIX}/subnets/`)].filter(([, value]) =>
      value.includes(own),
    );
    return all.map(([key]) => key.slice(`${PREFIX}/subnets/`.length));
  }

  /** Whether there is a whole way to host n's subnet, 10.77.n.0/24. */
  leadsTo(n: number): boolean {
    return leadsTo(this.host.entries(), `10.77.${n}.0`);
  }
}
