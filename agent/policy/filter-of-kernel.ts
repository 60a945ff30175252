/** The packet filter of this host's kernel, as enforcing policies needs it. */

import { findBridgedFault, isBridgedApart } from "../../lib/filter/bridged-packets.ts";
import { cutForbidden } from "../../lib/filter/cluster-connections.ts";
import { addPending, listPending } from "../../lib/filter/cluster-pending.ts";
import {
  applyChanges,
  concernedAddresses,
  replaceRuleset,
} from "../../lib/filter/cluster-policy.ts";
import { neededTables } from "../../lib/filter/cluster-tables.ts";
import { findGeneration } from "../../lib/filter/nft-transaction.ts";
import type { KnownRuleset, Ruleset, RulesetChanges } from "../../lib/filter/ruleset.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import type { Netns } from "../../lib/net/netns.ts";
import type { Tell } from "../events.ts";
import type { PolicyFilter } from "./enforcer.ts";

/** The tables of a namespace. Tells who judges what bridges forward themselves, when that changes. */
export class KernelFilter implements PolicyFilter {
  readonly #ns: Netns;
  readonly #tell: Tell;
  #isApart = false;
  #lack: string | undefined;
  #tables: ReturnType<typeof neededTables> = [];

  readonly concerned = concernedAddresses;

  constructor(ns: Netns, tell: Tell) {
    this.#ns = ns;
    this.#tell = tell;
  }

  get lack(): string | undefined {
    return this.#lack;
  }

  replace(ruleset: Ruleset, settled: readonly IpAddress[]): boolean {
    const isApart = isBridgedApart(this.#ns);
    const tables = neededTables(this.#ns);
    const isOther = replaceRuleset(this.#ns, tables, { ruleset, settled });
    const isSame = tables.length === this.#tables.length;
    const wasApart = this.#isApart;
    this.#isApart = isApart;
    this.#tables = tables;
    this.#tellLack(isApart && tables.length === 1);
    if (isSame) return isOther;
    if (tables.length > 1) {
      this.#tell("bridged", 'what bridges forward themselves is judged by "bridge weft-cluster"');
    } else if (wasApart) {
      this.#tell("bridged", "what bridges forward themselves passes br_netfilter now");
    }
    return false;
  }

  #tellLack(isLacking: boolean): void {
    const fault = isLacking ? (findBridgedFault(this.#ns) ?? SWITCHED_OFF) : undefined;
    const lack = fault && `Cannot judge what bridges forward themselves: ${fault}`;
    if (lack === this.#lack) return;
    if (lack === undefined) this.#tell("recovered", `${this.#lack}`);
    else this.#tell("problem", lack);
    this.#lack = lack;
  }

  apply(changes: RulesetChanges, settled: readonly IpAddress[]): void {
    applyChanges(this.#ns, this.#tables, { changes, settled });
  }

  cut(known: KnownRuleset, changes: readonly RulesetChanges[]): void {
    cutForbidden(this.#ns, known, ...changes);
  }

  isolate(addresses: readonly IpAddress[]): void {
    addPending(this.#ns, addresses);
  }

  isolated(): ReadonlySet<string> {
    return listPending(this.#ns);
  }

  generation(): number | undefined {
    return findGeneration(this.#ns);
  }

  isElsewhere(): boolean {
    return isBridgedApart(this.#ns) !== this.#isApart;
  }
}

const SWITCHED_OFF =
  "net.bridge.bridge-nf-call-iptables or -ip6tables is 0, and there is no nf_conntrack_bridge";
