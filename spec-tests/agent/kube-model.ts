/**
 * What the API server of Kubernetes answers about Nodes, for tests: lists in pages, watches with
 * bookmarks, patches, refusals. The words of its answers were recorded from kube-apiserver 1.34.
 */

/** A JSON object. */
export type Json = { [key: string]: unknown };

export interface ModelRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly token: string | undefined;
  readonly type?: string | undefined;
  readonly accept?: string | undefined;
  readonly body?: string | undefined;
}

export interface ModelAnswer {
  readonly status: number;
  readonly body: string;
  /** Begins a watch, whose lines are given to `send` until it is ended. */
  readonly watch?: (send: (line: string) => void, end: () => void) => () => void;
}

interface Event {
  readonly version: number;
  readonly line: string;
}

interface Node {
  metadata: { name: string; uid: string; resourceVersion: string; annotations?: Json };
  spec: Json;
  status: { conditions?: Json[] } & Json;
}

/** Who may do what: `*` for everything, or `list nodes`. */
export type Rights = ReadonlySet<string>;

/** A server's Nodes and pods. */
export class KubeModel {
  readonly nodes = new Map<string, Node>();
  readonly pods = new Map<string, string>();
  /** By token; undefined: nobody is asked who he is. */
  rights: Map<string, Rights> | undefined;
  /** A server that sends all at once if any version will do. */
  ignoresLimit = false;
  /** Padding for each Node, so that it is as long as real ones. */
  images: Json[] = [];
  readonly requests: ModelRequest[] = [];
  #version = 1000;
  #made = 0;
  #events: Event[] = [];
  #forgotten = 0;
  readonly #watchers = new Set<{ send: (line: string) => void; end: () => void }>();

  get watchers(): number {
    return this.#watchers.size;
  }

  /** Makes a Node, or replaces what it has. */
  put(name: string, podCIDRs: readonly string[], annotations: Json = {}): void {
    const former = this.nodes.get(name);
    const uid =
      former?.metadata.uid ?? `00000000-0000-4000-8000-${String(++this.#made).padStart(12, "0")}`;
    const node: Node = {
      metadata: { name, uid, resourceVersion: "", annotations },
      spec: podCIDRs.length > 0 ? { podCIDR: podCIDRs[0], podCIDRs: [...podCIDRs] } : {},
      status: former?.status ?? { ...(this.images.length > 0 ? { images: this.images } : {}) },
    };
    this.#changed(node, former ? "MODIFIED" : "ADDED");
  }

  annotations(name: string): Json {
    return this.nodes.get(name)?.metadata.annotations ?? {};
  }

  /** Changes annotations; null takes one away. */
  annotate(name: string, annotations: Json): void {
    const node = this.nodes.get(name);
    if (!node) throw new Error(name);
    this.#changed(patched(node, { metadata: { annotations } }) as unknown as Node, "MODIFIED");
  }

  remove(name: string): void {
    const node = this.nodes.get(name);
    if (!node) return;
    this.nodes.delete(name);
    this.#tell("DELETED", { ...node, metadata: { ...node.metadata } });
  }

  #changed(node: Node, type: string): void {
    this.nodes.set(node.metadata.name, node);
    this.#tell(type, node);
  }

  #tell(type: string, node: Node): void {
    node.metadata.resourceVersion = String(++this.#version);
    const object = { kind: "Node", apiVersion: "v1", ...node };
    const line = JSON.stringify({ type, object });
    this.#events.push({ version: this.#version, line });
    for (const { send } of this.#watchers) send(line);
  }

  bookmark(): void {
    const metadata = { resourceVersion: String(this.#version) };
    const object = { kind: "Node", apiVersion: "v1", metadata, spec: {}, status: {} };
    this.send(JSON.stringify({ type: "BOOKMARK", object }));
  }

  /** Any line to all who watch. */
  send(line: string): void {
    for (const { send } of this.#watchers) send(line);
  }

  /** Forgets what has happened so far, as a compaction of etcd does. */
  forget(): void {
    this.#events = [];
    this.#forgotten = ++this.#version;
  }

  /** Ends all watches in good order. */
  endWatches(): void {
    for (const { end } of [...this.#watchers]) end();
    this.#watchers.clear();
  }

  answer(request: ModelRequest): ModelAnswer {
    this.requests.push(request);
    const url = new URL(request.path, "http://x");
    const node = /^\/api\/v1\/nodes\/([^/]+)(\/status)?$/.exec(url.pathname);
    const pod = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)$/.exec(url.pathname);
    const isWatch = url.searchParams.get("watch") === "true";
    const [verb, resource] = pod
      ? ["get", "pods"]
      : request.method === "PATCH"
        ? ["patch", `nodes${node?.[2] ?? ""}`]
        : [node ? "get" : isWatch ? "watch" : "list", "nodes"];
    const refusal = this.#refuse(request.token, verb, resource, node?.[1]);
    if (refusal) return refusal;
    if (pod) return this.#pod(pod[1] ?? "", pod[2] ?? "");
    if (node) return this.#node(node[1] ?? "", request);
    return isWatch ? this.#watch(url.searchParams) : this.#list(url.searchParams);
  }

  #refuse(token: string | undefined, verb = "", resource = "", name?: string) {
    if (!this.rights) return undefined;
    const rights = this.rights.get(token ?? "");
    if (!rights) return status(401, "Unauthorized", "Unauthorized");
    if (rights.has("*") || rights.has(`${verb} ${resource}`)) return undefined;
    const what = name === undefined ? `${resource} is` : `nodes "${name}" is`;
    const words = `${what} forbidden: User "system:serviceaccount:kube-flannel:flannel" cannot ${verb} resource "${resource}" in API group "" at the cluster scope`;
    return status(403, "Forbidden", words);
  }

  #pod(namespace: string, name: string): ModelAnswer {
    const nodeName = this.pods.get(`${namespace}/${name}`);
    if (nodeName === undefined) return status(404, "NotFound", `pods "${name}" not found`);
    const pod = {
      kind: "Pod",
      apiVersion: "v1",
      metadata: { name, namespace },
      spec: { nodeName },
    };
    return { status: 200, body: JSON.stringify(pod) };
  }

  #node(name: string, request: ModelRequest): ModelAnswer {
    const node = this.nodes.get(name);
    if (!node) return status(404, "NotFound", `nodes "${name}" not found`);
    if (request.method === "PATCH") {
      const patch = JSON.parse(request.body ?? "{}") as Json;
      const isStrategic = /strategic/.test(request.type ?? "");
      const next = (isStrategic ? strategic(node, patch) : patched(node, patch)) as unknown as Node;
      if (JSON.stringify(next) !== JSON.stringify(node)) this.#changed(next, "MODIFIED");
    }
    const now = this.nodes.get(name);
    return { status: 200, body: JSON.stringify({ kind: "Node", apiVersion: "v1", ...now }) };
  }

  #list(query: URLSearchParams): ModelAnswer {
    const [from, next] = [query.get("resourceVersion"), query.get("continue")];
    if (Number(from) > this.#version) return status(504, "Timeout", tooLarge(from, this.#version));
    const [version = String(this.#version), after = ""] = next?.split("|") ?? [];
    if (Number(version) < this.#forgotten) return status(410, "Expired", CONTINUE_EXPIRED);
    const all = [...this.nodes.values()].sort((a, b) =>
      a.metadata.name < b.metadata.name ? -1 : 1,
    );
    const rest = all.filter(({ metadata }) => metadata.name > after);
    const limit = this.ignoresLimit && from === "0" ? 0 : Number(query.get("limit") ?? 0);
    const items = limit > 0 ? rest.slice(0, limit) : rest;
    const isMore = items.length < rest.length;
    const last = items.at(-1)?.metadata.name;
    const metadata = isMore
      ? {
          resourceVersion: version,
          continue: `${version}|${last}`,
          remainingItemCount: rest.length - items.length,
        }
      : { resourceVersion: version };
    return {
      status: 200,
      body: `${JSON.stringify({ kind: "NodeList", apiVersion: "v1", metadata, items })}\n`,
    };
  }

  #watch(query: URLSearchParams): ModelAnswer {
    const from = Number(query.get("resourceVersion"));
    if (from < this.#forgotten) return gone(from, this.#forgotten);
    const past = this.#events.filter(({ version }) => version > from);
    return {
      status: 200,
      body: "",
      watch: (send, end) => {
        const watcher = { send, end };
        this.#watchers.add(watcher);
        for (const { line } of past) send(line);
        return () => this.#watchers.delete(watcher);
      },
    };
  }
}

const CONTINUE_EXPIRED =
  "The provided continue parameter is too old to display a consistent list result.";

function tooLarge(asked: string | null, known: number): string {
  return `Too large resource version: ${asked}, current: ${known}`;
}

function status(code: number, reason: string, message: string): ModelAnswer {
  return { status: code, body: `${JSON.stringify(statusObject(code, reason, message))}\n` };
}

function statusObject(code: number, reason: string, message: string): Json {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    code,
  };
}

/** A watch from a forgotten version is accepted, and its one event is the refusal. */
function gone(from: number, known: number): ModelAnswer {
  const object = statusObject(410, "Expired", `too old resource version: ${from} (${known})`);
  return {
    status: 200,
    body: "",
    watch: (send, end) => {
      send(JSON.stringify({ type: "ERROR", object }));
      end();
      return () => {};
    },
  };
}

/** JSON merge patch (RFC 7386). */
function patched(target: unknown, patch: unknown): Json {
  const next: Json = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(isObject(patch) ? patch : {})) {
    if (value === null) delete next[key];
    else next[key] = isObject(value) ? patched(next[key], value) : value;
  }
  return next;
}

/** The strategic one, as far as it is for conditions: they are known by their types. */
function strategic(node: Node, patch: Json): Json {
  const { status: changed = {} } = patch as { status?: { conditions?: Json[] } };
  const given = changed.conditions ?? [];
  const kept = (node.status.conditions ?? []).filter(
    (each) => !given.some(({ type }) => type === each.type),
  );
  return {
    ...node,
    status: { ...node.status, conditions: [...given, ...kept] },
  } as unknown as Json;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
