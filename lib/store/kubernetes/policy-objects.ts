/** What network policies are about: policies, pods and namespaces, all of them and each change. */

import { randomFraction } from "../../host/random.ts";
import type { JsonObject } from "../../overlay/contract/host.ts";
import { accessTo, type Whereabouts } from "./access.ts";
import { Api } from "./api.ts";
import { Follower } from "./follower.ts";
import type { StoreMeans } from "./kubernetes-store.ts";
import { namespaces, networkPolicies, pods, type Resource } from "./resource.ts";

/** A kind of these objects. */
export type PolicyKind = "NetworkPolicy" | "Pod" | "Namespace";

/** What is told of them; objects are as in JSON, though some members that nobody needs are missing. */
export interface PolicyObjectsEvents {
  /** A list of a kind begins: each of its objects follows, and then that it is whole. */
  readonly onListBegin: (kind: PolicyKind) => void;
  readonly onListEnd: (kind: PolicyKind) => void;
  /** An object is there, is new or has changed; `isGone` if it is deleted. */
  readonly onObject: (kind: PolicyKind, object: JsonObject, isGone: boolean) => void;
  /** What keeps it from knowing a kind; undefined once it knows again. */
  readonly onProblem: (kind: PolicyKind, problem: string | undefined) => void;
}

const RESOURCES: readonly (readonly [PolicyKind, Resource])[] = [
  ["NetworkPolicy", networkPolicies],
  ["Namespace", namespaces],
  ["Pod", pods],
];

/** Follows the objects of a cluster until it is stopped. */
export class PolicyObjects {
  readonly #api: Api;
  readonly #followers: readonly Follower[];

  /** Throws Failure if the options cannot be used. */
  constructor(options: Whereabouts, means: StoreMeans, events: PolicyObjectsEvents) {
    const { open, clock, environment } = means;
    const counts = { requests: 0, failures: 0 };
    this.#api = new Api({ open, clock, access: accessTo(options, environment), counts });
    this.#followers = RESOURCES.map(([kind, resource]) => {
      const following = { resource, clock, random: randomFraction };
      return new Follower(this.#api, following, {
        onListBegin: () => events.onListBegin(kind),
        onListed: (object) => events.onObject(kind, object, false),
        onListEnd: () => events.onListEnd(kind),
        onChange: (object, isGone) => events.onObject(kind, object, isGone),
        onProblem: (problem) => events.onProblem(kind, problem),
      });
    });
  }

  start(): void {
    for (const follower of this.#followers) follower.start();
  }

  stop(): void {
    for (const follower of this.#followers) follower.stop();
    this.#api.close();
  }
}
