/**
 * Enforcing network policies on this host: what the cluster tells becomes rules, and stays so.
 *
 *   objects, told pods ──▶ once a turn of the loop: changes ──▶ one transaction ──▶ who waits is answered
 *   the kernel refuses ──▶ the whole is replaced; again refused: who is concerned is isolated, and later again
 *   others change tables ──▶ the whole is compared and made right
 *
 * Before all lists are known nothing is touched: what an agent before has left stays.
 */

import { CniError } from "../../lib/cni/error.ts";
import type { KnownRuleset, Ruleset, RulesetChanges } from "../../lib/filter/ruleset.ts";
import type { Clock } from "../../lib/host/clock.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import type { PodAttachment } from "../../lib/state/pod-attachments.ts";
import type { Tell } from "../events.ts";
import { addressesIn, addressesOf } from "./addresses.ts";
import type { Followed } from "./followed.ts";
import type { NetworkPolicies } from "./network-policies.ts";
import { podInWords, type ToldPods } from "./told-pods.ts";

/** The packet filter of this host. Each throws what CniError can be made of. */
export interface PolicyFilter {
  /** Returns whether anything differed. */
  replace(ruleset: Ruleset, settled: readonly IpAddress[]): boolean;
  apply(changes: RulesetChanges, settled: readonly IpAddress[]): void;
  /** Cuts connections that are forbidden since these changes. */
  cut(known: KnownRuleset, changes: readonly RulesetChanges[]): void;
  concerned(ruleset: Ruleset, changes: RulesetChanges): readonly IpAddress[];
  isolate(addresses: readonly IpAddress[]): void;
  /** The addresses that are isolated since nobody knows their pods, as texts. */
  isolated(): ReadonlySet<string>;
  /** Another number than before if anybody has changed something. */
  generation(): number | undefined;
  /** True if packets take another way than when all was replaced; `lack` is what no table can judge. */
  isElsewhere(): boolean;
  readonly lack: string | undefined;
}

/** What it is made of. */
export interface EnforcerParts {
  readonly policies: NetworkPolicies;
  readonly followed: Followed;
  readonly told: ToldPods;
  readonly filter: PolicyFilter;
  readonly clock: Clock;
  readonly tell: Tell;
}

/** How long until a refused change is tried again, at first and at most, in milliseconds. */
const FIRST_RETRY = 500;
const LAST_RETRY = 30_000;
/** Connections are looked through as often at most, since the kernel walks its whole table: milliseconds. */
const CUT_EVERY = 1000;
/** All is compared as often, whoever has changed nothing, in milliseconds. */
const COMPARE = 60_000;

/** Keeps the rules of network policies right. */
export class Enforcer {
  readonly #parts: EnforcerParts;
  /** False while the table may be another one than it is to be. */
  #isWhole = false;
  #moment = -1;
  #isAsked = true;
  #versions: Followed["versions"] = {};
  #retry = 0;
  #isResting = false;
  #generation: number | undefined;
  #compared = 0;
  #problem: string | undefined;
  #lastChange: number | undefined;
  #repairs = 0;
  /** Changes whose connections are not cut yet. */
  #uncut: RulesetChanges[] = [];
  #lastCut = Number.NEGATIVE_INFINITY;
  #isCutPlanned = false;
  /** Addresses that are isolated since the kernel refuses their rules. */
  #refused: readonly IpAddress[] = [];

  constructor(parts: EnforcerParts) {
    this.#parts = parts;
  }

  /** What keeps rules from being right, in a sentence. */
  get problem(): string | undefined {
    return this.#problem ?? this.#parts.filter.lack;
  }

  /** The newest version of an object whose rules are there, by kind. */
  get versions(): Followed["versions"] {
    return this.#versions;
  }

  /** When rules changed last, by the clock's now(). */
  get lastChange(): number | undefined {
    return this.#lastChange;
  }

  /** How often rules were made right that others had changed. */
  get repairs(): number {
    return this.#repairs;
  }

  /** True once the rules are those of all that is known. */
  get isEnforced(): boolean {
    return this.#isWhole && !this.#isAsked && this.#moment === this.#parts.followed.moment;
  }

  /** What pods have was told otherwise than by the cluster. */
  changed(): void {
    this.#isAsked = true;
  }

  /** Called after each turn of the loop: what came in one turn is one change. */
  turn(): void {
    const { followed } = this.#parts;
    if (!followed.isKnown || this.#isResting) return;
    if (!this.#isAsked && this.#moment === followed.moment) return;
    this.#isAsked = false;
    this.#moment = followed.moment;
    this.#enforce();
  }

  /** Looks whether others have changed the rules, and makes them right. */
  keep(): void {
    const { followed, filter, clock } = this.#parts;
    if (!followed.isKnown || !this.#isWhole) return;
    if (this.#parts.told.read(false)) this.#isAsked = true;
    const isDue = clock.now() - this.#compared >= COMPARE;
    if (!isDue && filter.generation() === this.#generation && !filter.isElsewhere()) return;
    this.turn();
    if (this.#isWhole) this.#attempt(() => this.#repair(), this.#judged);
  }

  #enforce(): void {
    const { policies, told } = this.#parts;
    this.#attempt(() => {
      const changes = policies.takeChanges();
      const isEmpty = changes.sets.size + changes.chains.size + changes.addresses.size === 0;
      if (!isEmpty) this.#uncut.push(changes);
      const [freed, kept] = this.#decide();
      if (kept.length > 0) this.#parts.filter.isolate(kept.flatMap(addressesOf));
      for (const each of kept) this.#setIsolated(each, true);
      const settled = freed.flatMap(addressesOf);
      if (!this.#isWhole) this.#replace(settled);
      else if (!isEmpty || settled.length > 0) this.#apply(changes, settled);
      for (const each of freed) if (told.get(each)) this.#setIsolated(each, false);
    }, this.#concerned);
  }

  /** Which attachments are to be let free, and which are to be isolated although they are not. */
  #decide(): readonly [PodAttachment[], PodAttachment[]] {
    const all = [...this.#parts.told.all];
    const isWanted = (each: PodAttachment) => this.#isToIsolate(each);
    return [
      all.filter((each) => each.isIsolated && !isWanted(each)),
      all.filter((each) => !each.isIsolated && isWanted(each)),
    ];
  }

  /** Whether an attachment's pod is unknown, and is to be kept from everybody for that. */
  #isToIsolate(attachment: PodAttachment): boolean {
    const { told } = this.#parts;
    if (told.podOf(attachment)) return false;
    if (told.isAwaited(attachment)) return true;
    if (attachment.whenUnknown !== undefined) return attachment.whenUnknown === "isolate";
    return this.hasPolicies(attachment);
  }

  /** Whether the namespace of a pod has any policy. */
  hasPolicies({ namespace }: PodAttachment): boolean {
    return this.#parts.policies.policies.inNamespace(namespace).length > 0;
  }

  #setIsolated(attachment: PodAttachment, isIsolated: boolean): void {
    const { told, tell } = this.#parts;
    told.setIsolated(attachment, isIsolated);
    if (told.isAwaited(attachment)) return;
    const which = `${podInWords(attachment)} (${attachment.addresses.join(", ")})`;
    if (isIsolated)
      tell("isolated", `${which}: it is not known, or no longer, and its namespace has a policy`);
    else if (told.podOf(attachment)) tell("released", `${which}: it is known now`);
    else tell("released", `${which}: it is not known, and is to be let through for that`);
  }

  #apply(changes: RulesetChanges, settled: readonly IpAddress[]): void {
    try {
      this.#parts.filter.apply(changes, settled);
    } catch {
      // Others may have changed the table.
      this.#replace(settled);
    }
  }

  /** Addresses that are isolated for nobody whom this agent was told of are let free. */
  #replace(settled: readonly IpAddress[]): boolean {
    const { filter, policies, told } = this.#parts;
    const isolated = filter.isolated();
    told.read(true);
    const kept = new Set([...told.all].flatMap((each) => (each.isIsolated ? each.addresses : [])));
    const strays = [...isolated].filter((text) => !kept.has(text));
    const free = [...settled, ...this.#refused, ...addressesIn(strays)];
    const isOther = filter.replace(policies.ruleset(), free);
    this.#refused = [];
    this.#compared = this.#parts.clock.now();
    return isOther;
  }

  #repair(): void {
    if (!this.#replace([])) return;
    this.#repairs++;
    this.#parts.tell(
      "changed",
      "the rules of network policies, which others had changed, are made right",
    );
  }

  /** What fails is tried again; until then those are isolated whose rules may not be there. */
  #attempt(change: () => void, concerned: () => readonly IpAddress[]): void {
    const { clock, tell } = this.#parts;
    const problem = this.#try(change);
    if (problem === undefined) return;
    if (problem !== this.#problem) tell("problem", problem);
    this.#problem = problem;
    this.#isWhole = false;
    this.#isolate(concerned);
    this.#retry = Math.min(LAST_RETRY, Math.max(FIRST_RETRY, 2 * this.#retry));
    this.#isResting = true;
    clock.after(this.#retry, () => {
      this.#isResting = false;
      this.#isAsked = true;
      this.turn();
    });
  }

  /** What keeps a change from being made, in words. */
  #try(change: () => void): string | undefined {
    const { filter, followed, tell, clock } = this.#parts;
    try {
      const before = filter.generation();
      change();
      this.#isWhole = true;
      this.#versions = followed.versions;
      this.#retry = 0;
      this.#generation = filter.generation();
      if (this.#generation !== before) this.#lastChange = clock.now();
    } catch (cause) {
      return `Cannot enforce network policies: ${CniError.from(cause).message}`;
    }
    if (this.#problem !== undefined) tell("recovered", this.#problem);
    this.#problem = undefined;
    this.#cut();
    return undefined;
  }

  /** Once a second at most; what cannot be cut now is cut with the next change. */
  #cut(): void {
    const { filter, policies, tell, clock } = this.#parts;
    if (this.#isCutPlanned || this.#uncut.length === 0) return;
    const rest = this.#lastCut + CUT_EVERY - clock.now();
    if (rest > 0) {
      this.#isCutPlanned = true;
      clock.after(rest, () => {
        this.#isCutPlanned = false;
        this.#cut();
      });
      return;
    }
    try {
      this.#lastCut = clock.now();
      filter.cut(policies, this.#uncut);
      this.#uncut = [];
    } catch (cause) {
      tell("problem", `Cannot cut forbidden connections: ${CniError.from(cause).message}`);
    }
  }

  /** Those whose rules a change that is not made concerns. */
  readonly #concerned = (): readonly IpAddress[] => {
    const { filter, policies } = this.#parts;
    const ruleset = policies.ruleset();
    return this.#uncut.flatMap((each) => filter.concerned(ruleset, each));
  };

  /** All who have rules: what others have left of these is not known. */
  readonly #judged = (): readonly IpAddress[] =>
    addressesIn([...this.#parts.policies.isolatedAddresses]);

  #isolate(concerned: () => readonly IpAddress[]): void {
    const { filter, tell } = this.#parts;
    try {
      const all = concerned();
      if (all.length === 0) return;
      this.#refused = [...this.#refused, ...all];
      filter.isolate(all);
    } catch (cause) {
      tell("fault", `Cannot isolate pods without rules: ${CniError.from(cause).message}`);
    }
  }
}
