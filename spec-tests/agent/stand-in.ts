/** A stand-in for the API server of Kubernetes, which runs on a bed's host and does as it is told. */
import { resolve } from "node:path";
import { buildSync } from "esbuild";
import type { Bed } from "../bed/bed.ts";
import { Daemon } from "../bed/daemon.ts";

const PORT = 8001;

/** Annotations or other members of an object. */
export type Json = { readonly [key: string]: unknown };

/** A Node as the server has it. */
export interface SeenNode {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly status: { readonly conditions?: readonly Json[] };
}

interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly token?: string;
  readonly type?: string;
  readonly accept?: string;
  readonly body?: string;
}

/** A running stand-in. */
export class StandIn {
  readonly #bed: Bed;
  readonly #start: () => Daemon;
  #daemon: Daemon;
  readonly url: string;

  constructor(bed: Bed, address: string) {
    const file = `${bed.folder("stand-in")}/server.cjs`;
    bed.write(file, bundle());
    this.#bed = bed;
    this.url = `http://${address}:${PORT}`;
    this.#start = () => new Daemon(bed, `node ${file} ${address} ${PORT}`);
    this.#daemon = this.#start();
  }

  async ready(): Promise<this> {
    await this.#daemon.until("the stand-in", () => this.#tryCall("watchers") !== undefined);
    return this;
  }

  /** Has it do something; what it answers. */
  call(call: string, ...args: readonly unknown[]): unknown {
    const answer = this.#tryCall(call, ...args);
    if (answer === undefined) throw new Error(`no answer to ${call}: ${this.#daemon.said}`);
    return JSON.parse(answer);
  }

  #tryCall(call: string, ...args: readonly unknown[]): string | undefined {
    const file = `${this.#bed.folder("stand-in")}/call.json`;
    this.#bed.write(file, JSON.stringify({ call, args }));
    const script = `fetch("${this.url}/test", { method: "POST", body: require("fs").readFileSync("${file}") })
      .then((answer) => answer.text()).then((text) => process.stdout.write(text)).catch(() => process.stdout.write("no"))`;
    const answer = this.#bed.host.sh(`node -e '${script}'`);
    return answer === "no" ? undefined : answer;
  }

  /** Makes a Node, or replaces what it has. */
  put(name: string, podCIDRs: readonly string[], annotations: Json = {}): void {
    this.call("put", name, podCIDRs, annotations);
  }

  node(name: string): SeenNode | undefined {
    return (this.call("nodes") as Readonly<Record<string, SeenNode>>)[name];
  }

  annotations(name: string): Readonly<Record<string, string>> {
    return this.node(name)?.metadata.annotations ?? {};
  }

  get requests(): readonly SeenRequest[] {
    return this.call("requests") as readonly SeenRequest[];
  }

  get patches(): readonly SeenRequest[] {
    return this.requests.filter(({ method }) => method === "PATCH");
  }

  /** Stops it for a while: connections stay, and nothing is answered. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#daemon.signal(signal);
  }

  async kill(): Promise<void> {
    await this.#daemon.kill();
  }
}

function bundle(): string {
  const built = buildSync({
    entryPoints: [resolve(import.meta.dirname, "stand-in-server.ts")],
    bundle: true,
    platform: "node",
    format: "cjs",
    write: false,
  });
  return built.outputFiles[0]?.text ?? "";
}
