/** A real etcd, of one member and without TLS, which holds what a cluster's hosts know of each other. */
import type { Bed } from "../bed/bed.ts";
import { Daemon } from "../bed/daemon.ts";

/** A running etcd. */
export class Etcd {
  readonly #bed: Bed;
  readonly #start: () => Daemon;
  #daemon: Daemon;
  /** Where it answers clients. */
  readonly url: string;

  /** Starts it on a port of an address of the bed's host; its data outlive it. */
  constructor(bed: Bed, address: string, port = 2379) {
    const data = bed.folder(`etcd-${port}`);
    const peers = `http://127.0.0.1:${port + 1}`;
    this.#bed = bed;
    this.url = `http://${address}:${port}`;
    this.#start = () =>
      new Daemon(
        bed,
        `etcd --name one --data-dir ${data} --logger zap --log-level warn --unsafe-no-fsync
          --listen-client-urls ${this.url} --advertise-client-urls ${this.url}
          --listen-peer-urls ${peers} --initial-advertise-peer-urls ${peers}
          --initial-cluster one=${peers}`.replace(/\s+/g, " "),
      );
    this.#daemon = this.#start();
  }

  /** Waits until it answers. */
  async ready(): Promise<this> {
    await this.#daemon.until("etcd", () => this.#bed.host.succeeds(this.#ctl("endpoint health")));
    return this;
  }

  /** Kills it. */
  async kill(): Promise<void> {
    await this.#daemon.kill();
  }

  /** Lets nothing be answered, and nobody be refused, until `resume`. */
  pause(): void {
    this.#daemon.signal("SIGSTOP");
  }

  resume(): void {
    this.#daemon.signal("SIGCONT");
  }

  /** Forgets all that was before now, so that nobody can watch from there. */
  compact(): void {
    const [status] = JSON.parse(this.ctl("endpoint status -w json")) as [EndpointStatus];
    this.ctl(`compact ${status.Status.header.revision}`);
  }

  /** Starts it again with the data it had. */
  async restart(): Promise<void> {
    this.#daemon = this.#start();
    await this.ready();
  }

  /** What etcdctl prints. */
  ctl(words: string): string {
    return this.#bed.host.sh(this.#ctl(words));
  }

  /** The keys under a prefix, with their values. */
  keys(prefix: string): ReadonlyMap<string, string> {
    const { kvs = [] } = JSON.parse(this.ctl(`get --prefix '${prefix}' -w json`)) as Listing;
    const text = (base64 = "") => `${Buffer.from(base64, "base64")}`;
    return new Map(kvs.map(({ key, value }) => [text(key), text(value)]));
  }

  #ctl(words: string): string {
    return `ETCDCTL_API=3 etcdctl --endpoints ${this.url} ${words}`;
  }
}

interface EndpointStatus {
  readonly Status: { readonly header: { readonly revision: number } };
}

interface Listing {
  readonly kvs?: readonly { readonly key: string; readonly value?: string }[];
}
