/**
 * What the API server of Kubernetes answers about Pods, Namespaces and NetworkPolicies of all namespaces, for
 * tests: whole lists, and watches from any version on.
 */
import type { Json, ModelAnswer, ModelRequest } from "./kube-model.ts";

const KINDS: Readonly<Record<string, string>> = {
  "/api/v1/pods": "Pod",
  "/api/v1/namespaces": "Namespace",
  "/apis/networking.k8s.io/v1/networkpolicies": "NetworkPolicy",
};

interface Event {
  readonly kind: string;
  readonly version: number;
  readonly line: string;
}

/** Objects by their kinds and names. */
export class KubeObjects {
  readonly #objects = new Map<string, Json>();
  readonly #events: Event[] = [];
  readonly #watchers = new Set<{ kind: string; send: (line: string) => void; end: () => void }>();
  #version = 5000;

  /** Makes objects or replaces them, deletes others, and sets the last ones, whose versions it returns. */
  change(set: readonly Json[], unset: readonly Json[], last: readonly Json[]): readonly string[] {
    for (const object of set) this.#set(object);
    for (const object of unset) this.#unset(object);
    return last.map((object) => this.#set(object));
  }

  #set(object: Json): string {
    const type = this.#objects.has(keyOf(object)) ? "MODIFIED" : "ADDED";
    this.#objects.set(keyOf(object), this.#tell(type, object));
    return `${this.#version}`;
  }

  #unset(object: Json): void {
    const found = this.#objects.get(keyOf(object));
    if (this.#objects.delete(keyOf(object))) this.#tell("DELETED", found ?? object);
  }

  /** Tells all who watch once more of everything, as nothing promises that it is told but once. */
  replay(): void {
    for (const { kind, line } of [...this.#events]) this.#send(kind, line);
  }

  /** Ends all watches in good order. */
  endWatches(): void {
    for (const { end } of [...this.#watchers]) end();
    this.#watchers.clear();
  }

  /** Answers what is about these kinds; undefined to what is not. */
  answer({ method, path }: ModelRequest): ModelAnswer | undefined {
    const url = new URL(path, "http://x");
    const kind = KINDS[url.pathname];
    if (kind === undefined || method !== "GET") return undefined;
    return url.searchParams.get("watch") === "true"
      ? this.#watch(kind, Number(url.searchParams.get("resourceVersion")))
      : this.#list(kind);
  }

  #tell(type: string, object: Json): Json {
    const metadata = { ...(object.metadata as Json), resourceVersion: `${++this.#version}` };
    const told = { ...object, metadata };
    const kind = String(object.kind);
    const line = JSON.stringify({ type, object: told });
    this.#events.push({ kind, version: this.#version, line });
    this.#send(kind, line);
    return told;
  }

  #send(kind: string, line: string): void {
    for (const watcher of this.#watchers) if (watcher.kind === kind) watcher.send(line);
  }

  #list(kind: string): ModelAnswer {
    const items = [...this.#objects.values()].filter((object) => object.kind === kind);
    const metadata = { resourceVersion: `${this.#version}` };
    const list = { kind: `${kind}List`, apiVersion: "v1", metadata, items };
    return { status: 200, body: `${JSON.stringify(list)}\n` };
  }

  #watch(kind: string, from: number): ModelAnswer {
    const past = this.#events.filter((each) => each.kind === kind && each.version > from);
    return {
      status: 200,
      body: "",
      watch: (send, end) => {
        const watcher = { kind, send, end };
        this.#watchers.add(watcher);
        for (const { line } of past) send(line);
        return () => this.#watchers.delete(watcher);
      },
    };
  }
}

function keyOf({ kind, metadata }: Json): string {
  const { namespace, name } = metadata as { readonly namespace?: string; readonly name: string };
  return `${kind} ${namespace ?? ""}/${name}`;
}
