/** A real etcd, which holds what a cluster's hosts know of each other. */
import type { Bed } from "../bed/bed.ts";
import { Daemon } from "../bed/daemon.ts";

/** What an etcd has that others have not. */
export interface EtcdMore {
  /** Its flags, as a shell has them. */
  readonly words?: string;
  /** etcdctl's flags. */
  readonly clientWords?: string;
  readonly scheme?: "http" | "https";
  /** The ports of all members, of whom it is one. */
  readonly members?: readonly number[];
}

/** A running etcd, or a member of one. */
export class Etcd {
  readonly #bed: Bed;
  readonly #start: () => Daemon;
  readonly #clientWords: string;
  #daemon: Daemon;
  /** Where it answers clients. */
  readonly url: string;

  /** Starts it on a port of an address of the bed's host; its data outlive it. */
  constructor(bed: Bed, address: string, port = 2379, more: EtcdMore = {}) {
    const { words = "", clientWords = "", scheme = "http", members = [port] } = more;
    const data = bed.folder(`etcd-${port}`);
    const peers = (member: number) => `http://127.0.0.1:${member + 1}`;
    const cluster = members.map((member) => `m${member}=${peers(member)}`).join();
    this.#bed = bed;
    this.#clientWords = clientWords;
    this.url = `${scheme}://${address}:${port}`;
    this.#start = () =>
      new Daemon(
        bed,
        `etcd --name m${port} --data-dir ${data} --logger zap --log-level warn --unsafe-no-fsync
          --listen-client-urls ${this.url} --advertise-client-urls ${this.url}
          --listen-peer-urls ${peers(port)} --initial-advertise-peer-urls ${peers(port)}
          --initial-cluster ${cluster} ${words}`.replace(/\s+/g, " "),
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
    this.ctl(`compact ${status.Status.header.revision} 2>&1 || true`); // it may have been done
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

  /** Whether etcdctl succeeds. */
  tries(words: string): boolean {
    return this.#bed.host.succeeds(this.#ctl(words));
  }

  /** The keys under a prefix, with their values. */
  keys(prefix: string): ReadonlyMap<string, string> {
    const { kvs = [] } = JSON.parse(this.ctl(`get --prefix '${prefix}' -w json`)) as Listing;
    const text = (base64 = "") => `${Buffer.from(base64, "base64")}`;
    return new Map(kvs.map(({ key, value }) => [text(key), text(value)]));
  }

  #ctl(words: string): string {
    return `ETCDCTL_API=3 etcdctl --endpoints ${this.url} ${this.#clientWords} ${words}`;
  }
}

interface EndpointStatus {
  readonly Status: { readonly header: { readonly revision: number } };
}

interface Listing {
  readonly kvs?: readonly { readonly key: string; readonly value?: string }[];
}
