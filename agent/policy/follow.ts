/** Following network policies in the agent: what it knows is told at a socket, and enforced if it is to be. */

import type { Clock } from "../../lib/host/clock.ts";
import type { EventLoop } from "../../lib/host/epoll.ts";
import { fileStatus } from "../../lib/host/file-status.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { tellHealth } from "../../lib/overlay/watch.ts";
import {
  deletePodAttachment,
  listPodAttachments,
  type PodAttachment,
  podsDirectory,
  writePodAttachment,
} from "../../lib/state/pod-attachments.ts";
import type { Tell } from "../events.ts";
import type { PolicyHealth } from "../health.ts";
import type { AgentOptions } from "../options.ts";
import { openPolicyObjects } from "../stores.ts";
import { endEnforcing } from "./end-enforcing.ts";
import { Enforcing } from "./enforcing.ts";
import { KernelFilter } from "./filter-of-kernel.ts";
import { Followed } from "./followed.ts";
import { NetworkPolicies } from "./network-policies.ts";
import { policyHealth, RecentDrops } from "./policy-health.ts";
import { policySocketOf } from "./sources.ts";
import { type PodFiles, ToldPods } from "./told-pods.ts";

/** What follows policies. */
export interface Following {
  start(): void;
  /** Called after each turn of the loop. */
  turn(): void;
  /** Makes sockets again that are gone, and rules that others have changed. */
  keep(): void;
  stop(): void;
  health(): PolicyHealth;
}

/** Where they are followed. */
export interface Place {
  readonly loop: EventLoop;
  readonly ns: Netns;
  readonly tell: Tell;
}

/** Makes what follows policies, if options ask for it. Throws Failure if they cannot be used. */
export function followPolicies(place: Place, options: AgentOptions): Following | undefined {
  const { loop, ns, tell } = place;
  const { networkPolicy, network, store } = options;
  if (networkPolicy !== "enforce") endEnforcing(ns, network, (what) => tell("changed", what));
  if (!networkPolicy || store.type === "etcd") return undefined;
  const isEnforced = networkPolicy === "enforce";
  const policies = new NetworkPolicies(isEnforced ? (store.nodeName ?? "") : "");
  const told = new ToldPods(policies, podFilesOf(network, loop));
  const followed = new Followed(policies, tell, told);
  const objects = openPolicyObjects(store, loop, followed);
  const parts = { policies, followed, told, tell, clock: loop };
  const filter = new KernelFilter(ns, tell);
  const drops = new RecentDrops(ns, loop);
  const enforcing = isEnforced ? new Enforcing({ ...parts, filter }, loop, network) : undefined;
  const keepSocket = tellHealth(loop, policySocketOf(network), () =>
    JSON.stringify({ ...followed.answer, enforced: enforcing?.enforcer.versions }),
  );
  return {
    start: () => {
      if (!enforcing)
        tell("note", "network policies are followed to be explained, and not enforced");
      enforcing?.start();
      objects.start();
    },
    turn: () => enforcing?.turn(),
    keep: () => {
      keepSocket();
      enforcing?.keep();
    },
    stop: () => objects.stop(),
    health: () => policyHealth({ ...parts, drops }, enforcing?.enforcer),
  };
}

/** A change within so many milliseconds before a look may be followed by one of the same time. */
const GRAIN = 1000;

/** What is written of pods, read anew only if the folder has changed since. */
function podFilesOf(network: string, clock: Clock): PodFiles {
  const changeOf = () => {
    const status = fileStatus(podsDirectory(network));
    return status ? 1000 * status.changedSeconds + status.changedNanoseconds / 1e6 : 0;
  };
  let known: readonly PodAttachment[] = [];
  let knownChange = -1;
  return {
    list: () => {
      const change = changeOf();
      if (change === knownChange) return known;
      known = listPodAttachments(network);
      knownChange = clock.wall() - change > GRAIN ? change : -1;
      return known;
    },
    write: (attachment) => writePodAttachment(network, attachment),
    remove: (owner) => deletePodAttachment(network, owner),
  };
}
