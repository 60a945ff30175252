/**
 * Keeps the kernel equal to what is written of a network, for as long as the process lives. It waits
 * for changes of the files and of the kernel's entries, and then does what ADD does at first use.
 * Every minute it does so without a change as well: nobody tells of changes to rules. The guards of
 * the devices it looks for every two seconds.
 */

import { CniError } from "../../lib/cni/error.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { RTPROT_WEFT } from "../../lib/overlay/found-entries.ts";
import { type Interest, Watch } from "../../lib/overlay/watch.ts";
import type { OverlayConfig } from "./config.ts";
import { type Health, healthOf, socketOf } from "./health.ts";
import { areGuarded, type Reconciled, reconcile } from "./underlay.ts";

/** How long changes are collected before they are acted on, in milliseconds, and how often at most. */
const DEBOUNCE = 100;
const MOST_BUNCHES = 5;
/** How long after a failure it is tried again, at first and at most. */
const RETRY = { first: 1000, most: 30_000 };
/** The guards are looked for so often. */
const LOOK = 2000;
/** All is compared so often even if nothing seems to have changed. */
const RESYNC = 60_000;

/** One line for each thing that happened. */
export type Log = (event: string, message: string) => void;

/** The daemon of one network. */
export class Daemon {
  readonly #config: OverlayConfig;
  readonly #host: Netns;
  readonly #log: Log;
  /** What was last right. */
  #last: Reconciled | undefined;
  /** What keeps it from being so now. */
  #problem: string | undefined;
  #retry = RETRY.first;
  #changes = 0;
  /** How often all was compared. */
  #passes = 0;

  constructor(config: OverlayConfig, host: Netns, log: Log) {
    this.#config = config;
    this.#host = host;
    this.#log = log;
  }

  /** Never returns; throws if it cannot watch. */
  run(): never {
    const { name, device, peersFile, nodeFile } = this.#config;
    const watch = new Watch(this.#host, {
      files: [peersFile, nodeFile],
      socket: socketOf(this.#config),
      health: () => JSON.stringify(this.#health()),
    });
    this.#log("started", `network "${name}", device "${device}"`);
    for (;;) {
      this.#step();
      if (this.#isChanged(watch)) this.#collectChanges(watch);
    }
  }

  #step(): void {
    try {
      this.#reconcile(false);
      if (this.#problem !== undefined) this.#log("recovered", this.#problem);
      this.#problem = undefined;
      this.#retry = RETRY.first;
    } catch (cause) {
      const problem = CniError.from(cause).message;
      if (problem !== this.#problem) this.#log("problem", problem);
      this.#problem = problem;
      this.#retry = Math.min(this.#retry * 2, RETRY.most);
      if (this.#last) this.#keepLast();
    }
  }

  /** What is written cannot be used: what was right last stays so. */
  #keepLast(): void {
    try {
      this.#reconcile(true);
    } catch (cause) {
      this.#log("problem", CniError.from(cause).message);
    }
  }

  #reconcile(keepsPeers: boolean): void {
    const tell = (what: string) => {
      this.#changes++;
      this.#log("changed", what);
    };
    this.#passes++;
    const before = this.#last?.limits ?? [];
    this.#last = reconcile(this.#config, this.#host, { last: this.#last, keepsPeers, tell });
    this.#tellOfLimits(before, this.#last.limits);
  }

  /** Each is named when it comes and when it goes. */
  #tellOfLimits(before: readonly string[], now: readonly string[]): void {
    const [old, current] = [new Set(before), new Set(now)];
    for (const limit of now) if (!old.has(limit)) this.#log("limited", limit);
    for (const limit of before) if (!current.has(limit)) this.#log("recovered", limit);
  }

  /** Waits for a change; false if it is time to compare all without one, or to try again. */
  #isChanged(watch: Watch): boolean {
    const isWell = this.#problem === undefined;
    for (let left = isWell ? RESYNC : this.#retry; left > 0; left -= LOOK) {
      if (watch.wait(Math.min(left, LOOK), this.#interest())) return true;
      if (isWell && !this.#hasGuards()) return false;
    }
    return false;
  }

  /** A question that fails is no answer: whoever reconciles says why. */
  #hasGuards(): boolean {
    try {
      return areGuarded(this.#config, this.#host);
    } catch {
      return false;
    }
  }

  /** Changes come in bunches: it is quiet again, or has been restless for long enough. */
  #collectChanges(watch: Watch): void {
    for (let i = 0; i < MOST_BUNCHES && watch.wait(DEBOUNCE, this.#interest()); i++);
  }

  #interest(): Interest {
    const uplink = this.#last?.node.uplink.index;
    const devices = this.#last?.devices.map(({ index }) => index);
    return { devices, uplink, routeProtocol: RTPROT_WEFT };
  }

  #health(): Health {
    return healthOf(this.#config, {
      last: this.#last,
      problem: this.#problem,
      changes: this.#changes,
      passes: this.#passes,
    });
  }
}
