/**
 * This host's own Node: which it is, the subnets it was given, and what flannel's annotations of it
 * and its condition say. What others change of them is put back.
 */

import type { Cancel, Clock } from "../../host/clock.ts";
import { isoTime } from "../../host/iso-time.ts";
import { type Cidr, formatCidr } from "../../ip/cidr.ts";
import { BackOff } from "../back-off.ts";
import type { NetworkConfig } from "../network.ts";
import type { OwnHost } from "../store.ts";
import { type AnnotationNames, annotationPatches, wantedAnnotations } from "./annotations.ts";
import { type Api, type ApiRequest, type PatchType, Refusal } from "./api.ts";
import { factsOf, type NodeFacts, subnetsIn } from "./node.ts";

/** What is told of this host's Node. */
export interface OwnNodeEvents {
  /** It has been read; at first, and whenever it has changed. */
  readonly onNode: (facts: NodeFacts) => void;
  /** It says all that others need to know, and has these subnets. */
  readonly onJoined: (subnets: readonly Cidr[]) => void;
  readonly onLost: (reason: string) => void;
  readonly onProblem: (problem: string | undefined) => void;
}

/** What it works with. */
export interface OwnNodeMeans {
  readonly api: Api;
  readonly clock: Clock;
  readonly random: () => number;
  readonly names: AnnotationNames;
  readonly network: () => NetworkConfig | undefined;
  /** Whether its condition NetworkUnavailable is set. */
  readonly setsCondition: boolean;
}

/** Waits after failures, in milliseconds. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
/** Where others undo what is written, it is written again as often as this, in milliseconds. */
const PATCHES_APART = 1_000;

/** The Node of this host. */
export class OwnNode {
  readonly name: string;
  readonly #means: OwnNodeMeans;
  readonly #events: OwnNodeEvents;
  readonly #backOff: BackOff;
  readonly counts = { patches: 0 };
  #own: OwnHost | undefined;
  #facts: NodeFacts | undefined;
  /** What was told last, in words. */
  #joined = "";
  /** The Node whose condition is set. */
  #conditioned = "";
  /** What is under way: a request, or a wait before the next. */
  #cancel: Cancel = () => {};
  #isBusy = false;
  /** When annotations were written last. */
  #writtenAt = Number.NEGATIVE_INFINITY;

  constructor(name: string, means: OwnNodeMeans, events: OwnNodeEvents) {
    this.name = name;
    this.#means = means;
    this.#events = events;
    this.#backOff = new BackOff(FIRST_WAIT, LONGEST_WAIT, means.random);
  }

  /** Reads it, until it is there. */
  start(): void {
    this.#cancel();
    this.#isBusy = true;
    this.#cancel = this.#means.api.ask(this.#request("get"), (what) => {
      this.#isBusy = false;
      if (what instanceof Refusal) this.#failed(what, () => this.start());
      else this.#answered(what);
    });
  }

  stop(): void {
    this.#cancel();
  }

  /** What this host is; written once its subnets are known. */
  publish(own: OwnHost): void {
    this.#own = own;
    this.#joined = "";
    this.#means.clock.after(0, () => this.#goOn());
  }

  /** It is as a list or a watch says. */
  see(facts: NodeFacts): void {
    if (this.#facts && isOlder(facts, this.#facts)) return;
    this.#facts = facts;
    this.#events.onNode(facts);
    if (!this.#own) this.#events.onProblem(undefined);
    this.#goOn();
  }

  /** It is deleted, or in no list. */
  lose(): void {
    this.#facts = undefined;
    if (this.#joined !== "") this.#events.onLost(`Node "${this.name}" is deleted`);
    this.#joined = "";
    this.#events.onProblem(this.#isMissing);
  }

  get #isMissing(): string {
    const advice = "the kubelet has to register it, under the name in NODE_NAME";
    return `Cannot join: there is no Node "${this.name}"; ${advice}`;
  }

  #request(verb: "get" | "patch", patch?: { type: PatchType; body: string }): ApiRequest {
    const path = `/api/v1/nodes/${encodeURIComponent(this.name)}`;
    if (!patch) return { method: "GET", path, verb, resource: "nodes" };
    return { method: "PATCH", path: `${path}/status`, verb, resource: "nodes/status", patch };
  }

  #answered(node: unknown): void {
    const facts = factsOf(node, this.#means.names);
    if (facts?.name === this.name) {
      this.#backOff.reset();
      this.see(facts);
    } else {
      const refusal = this.#means.api.refuse(this.#request("get"), "the answer is no such Node");
      this.#failed(refusal, () => this.start());
    }
  }

  #failed(refusal: Refusal, again: () => void): void {
    const isMissing = refusal.kind === "missing";
    this.#events.onProblem(isMissing ? this.#isMissing : refusal.message);
    this.#waitFor(this.#backOff.next(), again);
  }

  #waitFor(milliseconds: number, act: () => void): void {
    this.#isBusy = true;
    this.#cancel = this.#means.clock.after(milliseconds, () => {
      this.#isBusy = false;
      act();
    });
  }

  /** Does what is missing, one thing after the other. */
  #goOn(): void {
    const network = this.#means.network();
    if (this.#isBusy || !this.#own || !this.#facts || !network) return;
    const subnets = this.#subnetsOf(this.#facts, network);
    if (!subnets) return;
    const { annotations } = this.#facts;
    const wanted = wantedAnnotations(this.#own, annotations);
    const patches = annotationPatches(annotations, wanted, this.#means.names);
    if (patches.length > 0) this.#write(patches.map(annotationBody));
    else this.#join(subnets, this.#facts);
  }

  #subnetsOf({ podCidrs }: NodeFacts, network: NetworkConfig): readonly Cidr[] | undefined {
    if (podCidrs.length === 0) {
      const advice = "the controller manager gives it one with --allocate-node-cidrs=true";
      this.#events.onProblem(`Cannot join: Node "${this.name}" has no podCIDR yet; ${advice}`);
      return undefined;
    }
    const subnets = subnetsIn(podCidrs, network);
    if (typeof subnets !== "string") return subnets;
    const advice = "Network in net-conf.json has to be the controller manager's --cluster-cidr";
    this.#events.onProblem(`Cannot join with Node "${this.name}": ${subnets}; ${advice}`);
    return undefined;
  }

  #join(subnets: readonly Cidr[], { uid }: NodeFacts): void {
    this.#backOff.reset();
    this.#events.onProblem(undefined);
    const words = subnets.map(formatCidr).join();
    if (words !== this.#joined) {
      this.#joined = words;
      this.#events.onJoined(subnets);
    }
    if (this.#means.setsCondition && this.#conditioned !== uid) this.#setCondition(uid);
  }

  #setCondition(uid: string): void {
    const body = conditionBody(this.#means.clock.wall());
    this.#patch({ type: "strategic-merge-patch", body }, () => {
      this.#conditioned = uid;
      this.#goOn();
    });
  }

  #write(bodies: readonly string[]): void {
    const { clock } = this.#means;
    const wait = this.#writtenAt + PATCHES_APART - clock.now();
    if (wait > 0) {
      this.#waitFor(wait, () => this.#goOn());
    } else {
      this.#writtenAt = clock.now();
      this.#patchAll(bodies);
    }
  }

  #patchAll([body, ...others]: readonly string[]): void {
    if (body === undefined) this.#goOn();
    else this.#patch({ type: "merge-patch", body }, (node) => this.#patched(node, others));
  }

  #patched(node: unknown, others: readonly string[]): void {
    const facts = factsOf(node, this.#means.names);
    if (facts?.name === this.name) this.#facts = facts;
    this.#patchAll(others);
  }

  #patch(patch: { type: PatchType; body: string }, done: (node: unknown) => void): void {
    this.#isBusy = true;
    this.counts.patches++;
    this.#cancel = this.#means.api.ask(this.#request("patch", patch), (what) => {
      this.#isBusy = false;
      if (what instanceof Refusal) this.#failed(what, () => this.#goOn());
      else done(what);
    });
  }
}

function annotationBody(annotations: object): string {
  return JSON.stringify({ metadata: { annotations } });
}

/** As flannel writes it, who does so at each start. */
function conditionBody(wall: number): string {
  const now = isoTime(wall).replace(/\.\d+/, "");
  const condition = {
    type: "NetworkUnavailable",
    status: "False",
    lastHeartbeatTime: now,
    lastTransitionTime: now,
    reason: "FlannelIsUp",
    message: "Flannel is running on this node",
  };
  return JSON.stringify({ status: { conditions: [condition] } });
}

/** A watch may be behind what a patch was answered with. */
function isOlder(a: NodeFacts, b: NodeFacts): boolean {
  const versions = [a, b].map(({ version }) => (/^\d{1,15}$/.test(version) ? Number(version) : 0));
  const [first = 0, second = 0] = versions;
  return a.uid === b.uid && first !== 0 && first < second;
}
