/** Where objects are changed, and how it is known that a host has heard of all changes. */
import { createConnection } from "node:net";
import type { StandIn } from "../agent/stand-in.ts";
import type { Bed } from "../bed/bed.ts";
import type { ApiServer, Ask } from "../cluster/api-server.ts";
import type { Host } from "../cluster/host.ts";
import { type Json, namespaceObject, placeOfObject, podObject, policyObject } from "./objects.ts";

/** A server that has objects; each change is told with the version that it made. */
export interface PolicyServer {
  /** Makes objects or changes them, deletes others, and only then sets the last ones, whose versions it returns. */
  change(set: readonly Json[], unset: readonly Json[], last: readonly Json[]): readonly string[];
}

/** The objects that a test has in a server. */
export class Objects {
  readonly #server: PolicyServer;
  readonly #all = new Map<string, Json>();
  #changes = 0;
  /** The version of the last object of each kind. */
  #versions: Readonly<Record<string, string>> = {};

  constructor(server: PolicyServer) {
    this.#server = server;
  }

  of(kind: string): readonly Json[] {
    return [...this.#all.values()].filter((object) => object.kind === kind);
  }

  /** Makes or changes some and deletes others; those that are as they were are left alone. */
  change(set: readonly Json[], unset: readonly Json[] = []): void {
    const fresh = set.filter(
      (object) => JSON.stringify(this.#all.get(keyOf(object))) !== JSON.stringify(object),
    );
    const last = markers(++this.#changes);
    const versions = this.#server.change(fresh, unset, last);
    for (const object of set) this.#all.set(keyOf(object), object);
    for (const object of unset) this.#all.delete(keyOf(object));
    this.#versions = Object.fromEntries(last.map(({ kind }, i) => [kind, versions[i] ?? ""]));
  }

  /** Has these policies, and no others. */
  setPolicies(policies: readonly Json[]): void {
    const wanted = new Set(policies.map(keyOf));
    this.change(
      policies,
      this.of("NetworkPolicy").filter((object) => !wanted.has(keyOf(object))),
    );
  }

  /** Whether a host lets through what all of these objects say. */
  async areEnforced(bed: Bed, host: Host): Promise<boolean> {
    const { enforced = {} } = await askPolicySocket(bed, host);
    return Object.entries(this.#versions).every(
      ([kind, version]) => Number(enforced[kind] ?? 0) >= Number(version),
    );
  }
}

/** An object of each kind that concerns nobody, and is another one after each change. */
function markers(number: number): readonly Json[] {
  const labels = { change: `${number}` };
  return [
    namespaceObject("marker", labels),
    podObject({ namespace: "marker", name: "pod", node: "", addresses: [], labels, ports: [] }),
    policyObject("marker", "policy", { podSelector: { matchLabels: labels } }),
  ];
}

function keyOf(object: Json): string {
  const { folder, name } = placeOfObject(object);
  return `${folder}/${name}`;
}

interface PolicyAnswer {
  /** By kind, the newest version that is enforced. */
  readonly enforced?: Readonly<Record<string, string>>;
}

/** What the agent of a host tells at its socket; nothing while there is none. */
function askPolicySocket(bed: Bed, host: Host): Promise<PolicyAnswer> {
  return new Promise((resolve) => {
    const socket = createConnection(bed.path(`${host.files}/weft/flannel/policy.sock`));
    let text = "";
    socket.on("data", (data) => {
      text += String(data);
    });
    socket.on("error", () => resolve({}));
    socket.on("end", () => resolve(JSON.parse(text === "" ? "{}" : text) as PolicyAnswer));
  });
}

/** The real API server. */
export class RealServer implements PolicyServer {
  readonly #server: ApiServer;
  readonly #known = new Set<string>();

  constructor(server: ApiServer) {
    this.#server = server;
  }

  change(set: readonly Json[], unset: readonly Json[], last: readonly Json[]): readonly string[] {
    const asks = [
      ...set.flatMap((object) => this.#set(object)),
      ...unset.map((object) => this.#unset(object)),
      ...last.flatMap((object) => this.#set(object).map((ask) => later(ask, 10))),
    ];
    const answers = this.#server.askAll(asks);
    const refused = answers.find(({ status }) => status >= 300);
    if (refused) throw new Error(`Cannot change objects: ${refused.text}`);
    const ends = last.map((object) =>
      asks.findLastIndex(({ path }) => path.includes(pathOf(object))),
    );
    return ends.map((i) => {
      const { metadata } = (answers[i]?.body ?? {}) as { metadata?: { resourceVersion: string } };
      return metadata?.resourceVersion ?? "";
    });
  }

  /** In turn: namespaces, their accounts, what is in them, and what pods' status is. */
  #set(object: Json): readonly Ask[] {
    const { folder, name } = placeOfObject(object);
    const path = `${folder}/${name}`;
    const isKnown = this.#known.has(path);
    this.#known.add(path);
    const { kind, status } = object;
    const make: Ask = { method: "POST", path: folder, body: object };
    if (kind === "NetworkPolicy")
      return [isKnown ? { method: "PUT", path, body: object, turn: 2 } : later(make, 2)];
    const patch = { method: "PATCH", type: "application/merge-patch+json" } as const;
    const first = isKnown ? { ...patch, path, body: { metadata: object.metadata } } : make;
    if (kind === "Pod")
      return [later(first, 2), { ...patch, path: `${path}/status`, body: { status }, turn: 3 }];
    const account = { metadata: { name: "default" } };
    const accounts = { method: "POST", path: `${path}/serviceaccounts`, body: account, turn: 1 };
    return isKnown ? [first] : [first, accounts];
  }

  #unset(object: Json): Ask {
    const { folder, name } = placeOfObject(object);
    this.#known.delete(`${folder}/${name}`);
    return { method: "DELETE", path: `${folder}/${name}?gracePeriodSeconds=0`, turn: 4 };
  }
}

function later(ask: Ask, turns: number): Ask {
  return { ...ask, turn: (ask.turn ?? 0) + turns };
}

function pathOf(object: Json): string {
  const { folder, name } = placeOfObject(object);
  return `${folder}/${name}`;
}

/** The stand-in. */
export class StandInServer implements PolicyServer {
  readonly #server: StandIn;

  constructor(server: StandIn) {
    this.#server = server;
  }

  change(set: readonly Json[], unset: readonly Json[], last: readonly Json[]): readonly string[] {
    return this.#server.call("change", set, unset, last) as readonly string[];
  }
}
