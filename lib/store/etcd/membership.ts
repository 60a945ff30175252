/**
 * This host's place in a network: one key with its subnets, which lives as long as its lease.
 *
 *   away ──▶ joining ──created──▶ checking ──nobody was earlier──▶ joined ──renewed …
 *     ▲         └──── it is our own from before ─────────────────▶   │
 *     └────────────── key or lease lost: onLost, and again ◀─────────┘
 */

import type { Cancel } from "../../host/clock.ts";
import { formatAddress } from "../../ip/address.ts";
import { type Cidr, formatCidr } from "../../ip/cidr.ts";
import { BackOff } from "../back-off.ts";
import type { NetworkConfig } from "../network.ts";
import type { OwnHost } from "../store.ts";
import { Claim, type Claimed } from "./claim.ts";
import { EtcdFailure } from "./failure.ts";
import { formatName } from "./keys.ts";
import { FOREVER, Lease, type LeaseMeans } from "./lease.ts";
import type { KeyValue } from "./messages.ts";
import { removeKey } from "./own-key.ts";
import { type Known, ownPlace, rivalsOf, stalePlaces, wantedSubnets } from "./places.ts";
import { Quarrel } from "./quarrel.ts";
import { formatValue } from "./value.ts";

/** What is told of this host's place. */
export interface MembershipEvents {
  readonly onJoined: (subnets: readonly Cidr[]) => void;
  readonly onLost: (reason: string) => void;
  readonly onProblem: (problem: string | undefined) => void;
  /** Another host writes this host's key; undefined once it does not any more. */
  readonly onRival: (problem: string | undefined) => void;
  readonly onNote: (event: string, sentence: string) => void;
}

/** With the slash at its end: `/coreos.com/network/subnets/`. */
export type MembershipMeans = LeaseMeans & { readonly folder: string; readonly known: Known };

type State = "away" | "joining" | "checking" | "joined";

/** A network that is full is looked at again when a host leaves it, and every so often. */
const FULL = 30_000;

export class Membership {
  readonly #means: MembershipMeans;
  readonly #events: MembershipEvents;
  readonly #lease: Lease;
  readonly #claim: Claim;
  readonly #backOff: BackOff;
  readonly #quarrel: Quarrel;
  #state: State = "away";
  #isFull = false;
  #own: OwnHost | undefined;
  #network: NetworkConfig | undefined;
  #name = "";
  #subnets: readonly Cidr[] = [];
  #value = "";
  /** The revision of what we have written last. */
  #written = 0;
  #cancel: Cancel = () => {};

  constructor(means: MembershipMeans, events: MembershipEvents) {
    this.#means = means;
    this.#events = events;
    this.#backOff = new BackOff(200, 30_000, means.random);
    this.#quarrel = new Quarrel({ ...means, onProblem: events.onRival });
    this.#lease = new Lease(means, {
      onGone: () => this.#lose("its lease has ended"),
      onProblem: events.onProblem,
    });
    this.#claim = new Claim(means.gateway, this.#lease);
  }

  /** The name of this host's key; "" while it has none. */
  get name(): string {
    return this.#name;
  }

  /** The lease of this host's key. */
  get lease(): Pick<Lease, "id" | "ends"> {
    return this.#lease;
  }

  stop(): void {
    this.#stop();
    this.#lease.forget();
  }

  /** What is under way is not waited for any more. */
  #stop(): void {
    this.#cancel();
    this.#claim.cancel();
  }

  /* ---- what is told from outside ---- */

  /** This host is to be known like this, in this network. */
  publish(own: OwnHost, network: NetworkConfig): void {
    this.#own = own;
    this.#network = network;
    const value = formatValue(own, network.families.length > 1);
    const isOther = value !== this.#value;
    this.#value = value;
    if (this.#state === "joining" && isOther) this.#join();
    if (this.#state !== "joined") return;
    if (!ownPlace([this.#name], this.#means.known, network)) {
      this.#lose("the network's configuration has changed");
    } else if (isOther) this.#write();
  }

  /** All keys have been listed. */
  onListing(): void {
    const { names, mine } = this.#means.known;
    const isThere = names.has(this.#name);
    if (this.#state === "joined" && !isThere) this.#lose("its key is gone");
    else if (isThere && this.#name !== "" && this.#state !== "joining")
      this.onPut(mine.get(this.#name));
    else this.#join();
  }

  /** The key with our name was written; undefined if it is another host's now. */
  onPut(kv: KeyValue | undefined): void {
    const isOurs = kv?.modified === this.#written;
    if (this.#state === "checking" && isOurs) this.#check();
    if (this.#state !== "joined" || isOurs) return;
    if (!kv) this.#lose("another host has taken its key");
    else this.#rewritten(kv);
  }

  /** A key is gone, at a revision. */
  onDeleted(name: string): void {
    if (name !== this.#name) {
      if (this.#isFull) this.#later(1_000 * this.#means.random());
    } else if (this.#state === "joined") {
      this.#lose(
        this.#lease.id === FOREVER ? "its key is gone" : "its key is gone, or its lease has ended",
      );
    } else if (this.#state === "checking") this.#join();
  }

  /** Whether our key was there, at a revision. */
  onPulse(isThere: boolean, revision: number): void {
    if (isThere || this.#state !== "joined" || revision < this.#written) return;
    this.#lose("its key is gone");
  }

  /* ---- joining ---- */

  #join(): void {
    const { known } = this.#means;
    const network = this.#network;
    if (!network || !this.#own) return;
    this.#stop();
    this.#isFull = false;
    this.#state = "joining";
    const wished = [...this.#subnets, ...this.#own.formerSubnets];
    const order = [this.#name, formatName(this.#own.formerSubnets), ...known.mine.keys()];
    const former = ownPlace(order, known, network);
    if (former) {
      this.#enter(former.kv.key, former.subnets);
      this.#takeOver(former.kv);
      return;
    }
    const subnets = wantedSubnets(network, { known, wished }, this.#means.random);
    if (typeof subnets === "string") this.#full(subnets);
    else {
      this.#enter(this.#means.folder + formatName(subnets), subnets);
      this.#create();
    }
  }

  #enter(key: string, subnets: readonly Cidr[]): void {
    this.#name = key.slice(this.#means.folder.length);
    this.#subnets = subnets;
  }

  #full(problem: string): void {
    this.#state = "away";
    this.#name = "";
    this.#isFull = true;
    this.#events.onProblem(problem);
    this.#later(FULL * (1 - this.#means.random() / 4));
  }

  #later(wait: number): void {
    this.#stop();
    this.#cancel = this.#means.clock.after(wait, () => this.#join());
  }

  #fail(failure: EtcdFailure): void {
    this.#events.onProblem(failure.message);
    this.#later(this.#backOff.next());
  }

  #takeOver(kv: KeyValue): void {
    this.#claim.takeOver(kv, this.#value, (what) => {
      if (what instanceof EtcdFailure) this.#fail(what);
      else if (what.isDone) this.#joined(what.revision, what.lease);
      else this.#later(this.#backOff.next());
    });
  }

  /** Who was faster is remembered, and another subnet is tried. */
  #create(): void {
    const { known, folder } = this.#means;
    this.#claim.create(this.#means.folder + this.#name, this.#value, (what) => {
      if (what instanceof EtcdFailure) this.#fail(what);
      else if (what.isDone) this.#checkAt(what.revision);
      else {
        for (const { key, created } of what.found) known.learn(key.slice(folder.length), created);
        this.#name = "";
        this.#later(what.found.length > 0 ? 20 * this.#means.random() : this.#backOff.next());
      }
    });
  }

  /** Hosts whose names differ may want the same subnet: who was earlier has it. */
  #checkAt(revision: number): void {
    this.#written = revision;
    this.#state = "checking";
    if ((this.#means.known.names.get(this.#name) ?? 0) >= revision) this.#check();
  }

  #check(): void {
    const rivals = rivalsOf(this.#name, this.#means.known);
    if (rivals.length === 0) {
      this.#joined(this.#written, this.#lease.id);
      return;
    }
    const subnets = this.#subnets.map(formatCidr).join(", ");
    this.#events.onNote(
      "lost-race",
      `${subnets} is another host's, ${rivals[0]}: another is tried`,
    );
    this.#subnets = [];
    const entry = { key: this.#means.folder + this.#name, modified: this.#written };
    this.#cancel = removeKey(this.#means.gateway, entry, () => this.#join());
  }

  #joined(revision: number, lease: string): void {
    this.#written = revision;
    this.#state = "joined";
    this.#backOff.reset();
    if (lease !== this.#lease.id || lease === FOREVER) this.#lease.keep(lease);
    this.#events.onProblem(undefined);
    this.#events.onJoined(this.#subnets);
    this.#sweep();
  }

  /** Own keys of before that fit no more are nobody's; reservations are the administrator's. */
  #sweep(): void {
    const { known, gateway } = this.#means;
    if (!this.#network) return;
    for (const kv of stalePlaces(this.#name, known, this.#network)) {
      const words = `the subnet ${kv.key.slice(this.#means.folder.length)} that this host had is given up`;
      this.#events.onNote("given-up", words);
      removeKey(gateway, kv, () => {});
    }
  }

  /* ---- losing ---- */

  /** At once it is taken again, if it is free. */
  #lose(reason: string): void {
    this.#events.onLost(`${this.#subnets.map(formatCidr).join(", ")}: ${reason}`);
    this.#lease.forget();
    this.#state = "away";
    this.#join();
  }

  /** With another lease it is still what we wrote; with other words it is written again, not in haste. */
  #rewritten(kv: KeyValue): void {
    this.#written = kv.modified;
    if (kv.lease !== this.#lease.id) this.#lease.keep(kv.lease);
    if (kv.value === this.#value) return;
    const { publicIP } = this.#own ?? {};
    const wait = this.#quarrel.next(publicIP ? formatAddress(publicIP) : "");
    this.#stop();
    this.#cancel = this.#means.clock.after(wait, () => this.#write());
  }

  #write(): void {
    const { mine } = this.#means.known;
    const kv = mine.get(this.#name);
    if (this.#state !== "joined" || !kv) return;
    this.#stop();
    const entry = { value: this.#value, lease: this.#lease.id };
    this.#claim.replace({ ...kv, modified: this.#written }, entry, (what) => this.#wrote(what));
  }

  /** If it was not as it was thought to be, that is told as well, and seen then. */
  #wrote(what: Claimed | EtcdFailure): void {
    if (what instanceof EtcdFailure) {
      this.#events.onProblem(what.message);
      this.#cancel = this.#means.clock.after(this.#backOff.next(), () => this.#write());
    } else if (what.isDone) {
      this.#written = what.revision;
      this.#events.onProblem(undefined);
    }
  }
}
