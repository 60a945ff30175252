/**
 * Drives what enforces the policies of a cluster, on the kernel's own tables, for tests and benches: it is
 * a command of an image that is built for them (WEFT_WITH). Each line of its input is a step in JSON, and
 * each is answered by a line: `{"value": …}` or `{"error": "…"}`.
 */

import * as host from "host";
import { takeObject, takeObjects } from "../agent/policy/known-objects.ts";
import { NetworkPolicies } from "../agent/policy/network-policies.ts";
import { cutAllForbidden, cutForbidden } from "../lib/filter/cluster-connections.ts";
import {
  addPending,
  deletePending,
  listPending,
  removeAll,
} from "../lib/filter/cluster-pending.ts";
import {
  applyChanges,
  concernedAddresses,
  readDrops,
  replaceRuleset,
} from "../lib/filter/cluster-policy.ts";
import { neededTables } from "../lib/filter/cluster-tables.ts";
import type { RulesetChanges } from "../lib/filter/ruleset.ts";
import { formatAddress, type IpAddress, parseAddress } from "../lib/ip/address.ts";
import { ownNetns } from "../lib/net/netns.ts";
import type { JsonObject } from "../lib/overlay/contract/host.ts";

const ns = ownNetns();
const known = new NetworkPolicies("here");
let changes: RulesetChanges | undefined;
/** Those that the last replacement has made. */
let tables: ReturnType<typeof neededTables> = [];

type Names = readonly [namespace: string, name: string];

/** The steps, by their names. */
const steps: { readonly [name: string]: (argument: never) => unknown } = {
  /** Objects of Kubernetes that are new or have changed. */
  take: (objects: readonly JsonObject[]) => takeObjects(known, objects),
  /** One of them. */
  set: (object: JsonObject) => takeObject(known, object),
  /** Pods, policies and namespaces that are gone. */
  deletePod: ([namespace, name]: Names) => known.deletePod(namespace, name),
  deletePolicy: ([namespace, name]: Names) => known.deletePolicy(namespace, name),
  deleteNamespace: (name: string) => known.deleteNamespace(name),
  /** Makes the table what is known. */
  replace: (settled: readonly string[] = []) => {
    changes = known.takeChanges();
    tables = neededTables(ns);
    return replaceRuleset(ns, tables, { ruleset: known.ruleset(), settled: addresses(settled) });
  },
  /** Makes what has changed since. */
  apply: (settled: readonly string[] = []) => {
    changes = known.takeChanges();
    applyChanges(ns, tables, { changes, settled: addresses(settled) });
    return sizes(changes);
  },
  /** Whom the last changes concern. */
  concerned: () => changes && concernedAddresses(known.ruleset(), changes).map(formatAddress),
  cut: () => changes && cutForbidden(ns, known, changes),
  cutAll: () => cutAllForbidden(ns, known, known.ruleset().addresses.keys()),
  addPending: (texts: readonly string[]) => addPending(ns, addresses(texts)),
  deletePending: (texts: readonly string[]) => deletePending(ns, addresses(texts)),
  pending: () => [...listPending(ns)],
  drops: () =>
    readDrops(ns).map(({ address, ...rest }) => ({ address: formatAddress(address), ...rest })),
  removeAll: () => removeAll(ns),
};

function addresses(texts: readonly string[]): readonly IpAddress[] {
  return texts.flatMap((text) => parseAddress(text) ?? []);
}

function sizes(all: RulesetChanges): unknown {
  return { sets: all.sets.size, chains: all.chains.size, addresses: all.addresses.size };
}

/** Takes steps until the input ends. */
export function main(): void {
  let text = "";
  const bytes = new Uint8Array(1 << 16);
  for (;;) {
    const end = text.indexOf("\n");
    if (end >= 0) {
      say(taken(text.slice(0, end)));
      text = text.slice(end + 1);
      continue;
    }
    const count = host.read(0, bytes);
    if (count <= 0) host.exit(0);
    text += host.decode(bytes, 0, count);
  }
}

function taken(line: string): unknown {
  try {
    const [name, argument] = Object.entries(JSON.parse(line))[0] as [string, never];
    return { value: steps[name]?.(argument) };
  } catch (cause) {
    return { error: cause instanceof Error ? `${cause.message}` : `${cause}` };
  }
}

function say(answer: unknown): void {
  let bytes = host.encode(`${JSON.stringify(answer)}\n`);
  while (bytes.length > 0) bytes = bytes.subarray(Math.max(host.write(1, bytes), 0));
}
