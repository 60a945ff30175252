/** Where objects are changed, and how it is known that a host has heard of all changes. */
import type { Bed } from "../bed/bed.ts";
import type { ApiServer } from "../cluster/api-server.ts";
import type { Host } from "../cluster/host.ts";
import { Relay, talk } from "../cluster/relay.ts";
import { type Ask, requestOf } from "../cluster/request.ts";
import { type Json, namespaceObject, placeOfObject, podObject, policyObject } from "./objects.ts";

/** A server that has objects; each change is told with the version that it made. */
export interface PolicyServer {
  /** Makes objects or changes them, deletes others, and only then sets the last ones, whose versions it returns. */
  change(
    set: readonly Json[],
    unset: readonly Json[],
    last: readonly Json[],
  ): Promise<readonly string[]>;
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
  async change(set: readonly Json[], unset: readonly Json[] = []): Promise<void> {
    const fresh = set.filter(
      (object) => JSON.stringify(this.#all.get(keyOf(object))) !== JSON.stringify(object),
    );
    const last = markers(++this.#changes);
    const versions = await this.#server.change(fresh, unset, last);
    for (const object of set) this.#all.set(keyOf(object), object);
    for (const object of unset) this.#all.delete(keyOf(object));
    this.#versions = Object.fromEntries(last.map(({ kind }, i) => [kind, versions[i] ?? ""]));
  }

  /** Has these policies, and no others. */
  async setPolicies(policies: readonly Json[]): Promise<void> {
    const wanted = new Set(policies.map(keyOf));
    await this.change(
      policies,
      this.of("NetworkPolicy").filter((object) => !wanted.has(keyOf(object))),
    );
  }

  /** Whether a host lets through what all of these objects say. */
  async areEnforced(bed: Bed, host: Host): Promise<boolean> {
    const text = await talk(bed.path(`${host.files}/weft/flannel/policy.sock`));
    const { enforced = {} } = JSON.parse(text || "{}") as PolicyAnswer;
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

/** What an agent tells at its socket. */
interface PolicyAnswer {
  /** By kind, the newest version that is enforced. */
  readonly enforced?: Readonly<Record<string, string>>;
}

interface Versioned {
  readonly metadata: { readonly resourceVersion: string };
}

/** The real API server. */
export class RealServer implements PolicyServer {
  readonly #relay: Relay;
  readonly #known = new Set<string>();

  constructor(bed: Bed, { url }: ApiServer) {
    this.#relay = new Relay(bed, url);
  }

  async change(
    set: readonly Json[],
    unset: readonly Json[],
    last: readonly Json[],
  ): Promise<readonly string[]> {
    const ends = last.map((object) => this.#set(object).map((ask) => later(ask, 10)));
    const asks = [
      ...ends.flat(),
      ...set.flatMap((object) => this.#set(object)),
      ...unset.map((object) => this.#unset(object)),
    ];
    const answers = await this.#relay.ask(asks.map(requestOf));
    const refused = answers.find(({ status }) => status >= 300);
    if (refused) throw new Error(`Cannot change objects: ${refused.body}`);
    // What belongs to a namespace is made behind it, and a pod's own status is changed last.
    return ends.map((own, i) => {
      const ask = last[i]?.kind === "Namespace" ? own[0] : own.at(-1);
      const answer = ask && answers[asks.indexOf(ask)];
      return (JSON.parse(answer?.body ?? "") as Versioned).metadata.resourceVersion;
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

/** The stand-in. */
export class StandInServer implements PolicyServer {
  readonly #relay: Relay;

  constructor(bed: Bed, url: string) {
    this.#relay = new Relay(bed, url);
  }

  async change(...args: readonly (readonly Json[])[]): Promise<readonly string[]> {
    return (await this.call("change", ...args)) as readonly string[];
  }

  /** Has the stand-in do something else; what it answers. */
  async call(call: string, ...args: readonly unknown[]): Promise<unknown> {
    const body = JSON.stringify({ call, args });
    const [answer] = await this.#relay.ask([{ method: "POST", path: "/test", body }]);
    return JSON.parse(answer?.body ?? "");
  }
}
