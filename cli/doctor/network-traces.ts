/** What there is of each network on this host, whoever named it: several checks look at it. */

import { isPlainName } from "../../lib/cni/environment.ts";
import { Failure } from "../../lib/host/failure.ts";
import { inventoryOf, type Possession } from "../../lib/inventory/inventory.ts";
import { findTraces, type Traces } from "../../lib/inventory/traces.ts";
import { attachmentsOf, directoriesOf, type Judged } from "../attachments.ts";
import type { NetworkList } from "../list-file.ts";
import type { Examined } from "./finding.ts";

/** A network that a file, a result, or a thing on this host names. */
export interface NetworkTraces {
  readonly name: string;
  /** The list that runtimes would take; undefined if no file has the name. */
  readonly list: NetworkList | undefined;
  readonly attachments: readonly TracedAttachment[];
  /** What is there of attachments that nobody can name, in words. */
  readonly nameless: readonly string[];
}

/** An attachment, and what it has on this host. */
export interface TracedAttachment extends Judged {
  readonly things: readonly Possession[];
}

/** All networks that can be looked at. */
export function networkTraces(examined: Examined): readonly NetworkTraces[] {
  return seenOrNot(examined).flatMap((each) => ("fault" in each ? [] : [each]));
}

/** A network at which nobody can look, and why. */
export interface UnseenNetwork {
  readonly name: string;
  readonly fault: string;
}

/** All networks that cannot be looked at. */
export function unseenNetworks(examined: Examined): readonly UnseenNetwork[] {
  return seenOrNot(examined).flatMap((each) => ("fault" in each ? [each] : []));
}

/** Asked for once. */
function seenOrNot(examined: Examined): readonly (NetworkTraces | UnseenNetwork)[] {
  return remembered(networks, examined, () => {
    const kept = examined.kept.map(({ network }) => network);
    const files = examined.lists.flatMap(({ list }) => list?.name ?? []);
    const names = new Set(
      [...files, ...kept, ...hostTraces(examined).networks].filter(isPlainName),
    );
    return [...names].sort().map((name) => tracesOrFault(examined, name));
  });
}

/** What on this host names an owner, whoever that is; asked for once. */
export function hostTraces(examined: Examined): Traces {
  return remembered(traces, examined, () => findTraces(examined.host));
}

/** The list of a network that runtimes would take. */
export function listOfNetwork({ lists }: Examined, name: string): NetworkList | undefined {
  return lists.find(({ list }) => list?.name === name)?.list;
}

const networks = new WeakMap<Examined, readonly (NetworkTraces | UnseenNetwork)[]>();
const traces = new WeakMap<Examined, Traces>();

function remembered<T>(memory: WeakMap<Examined, T>, examined: Examined, ask: () => T): T {
  const known = memory.get(examined) ?? ask();
  memory.set(examined, known);
  return known;
}

function tracesOrFault(examined: Examined, name: string): NetworkTraces | UnseenNetwork {
  try {
    return tracesOf(examined, name);
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause;
    return { name, fault: cause.message };
  }
}

function tracesOf(examined: Examined, name: string): NetworkTraces {
  const list = listOfNetwork(examined, name);
  const { attachments, nameless } = attachmentsOf(name, list);
  const known = attachments.map(({ owner }) => owner);
  const things = inventoryOf(examined.host, name, { directories: directoriesOf(list), known });
  const traced = attachments.map((judged) => {
    const { containerID, ifName } = judged.owner;
    const isOwn = (thing: Possession) =>
      thing.containerID === containerID && (thing.ifName ?? ifName) === ifName;
    return { ...judged, things: things.filter(isOwn) };
  });
  return { name, list, nameless, attachments: traced };
}
