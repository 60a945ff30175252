/**
 * Keeps the kernel equal to what is written of a network, for as long as the process lives. It waits
 * for changes of the files and of the kernel's entries, and then does what ADD does at first use.
 */

import { CniError } from "../../lib/cni/error.ts";
import { EPOLLIN, EventLoop } from "../../lib/host/epoll.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { RTPROT_WEFT } from "../../lib/overlay/found-entries.ts";
import { Keeper } from "../../lib/overlay/keeper.ts";
import { type Interest, KernelChanges, tellHealth, watchFiles } from "../../lib/overlay/watch.ts";
import type { OverlayConfig } from "./config.ts";
import { type Health, healthOf, socketOf } from "./health.ts";
import { areGuarded, type Reconciled, reconcile } from "./underlay.ts";

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
    const loop = new EventLoop(
      () => undefined,
      (cause) => this.#log("problem", CniError.from(cause).message),
    );
    const keeper = new Keeper(loop, {
      makeRight: () => this.#makeRight(),
      seemsRight: () => this.#hasGuards(),
    });
    const kernel = new KernelChanges(this.#host);
    const keepSocket = tellHealth(loop, socketOf(this.#config), () =>
      JSON.stringify(this.#health()),
    );
    loop.watch(kernel.descriptor, EPOLLIN, () => {
      if (kernel.take(this.#interest())) keeper.changed();
    });
    watchFiles(loop, [peersFile, nodeFile], (mayDiffer) => {
      keepSocket();
      if (mayDiffer) keeper.changed();
    });
    this.#log("started", `network "${name}", device "${device}"`);
    keeper.act();
    for (;;) loop.run(() => undefined);
  }

  #makeRight(): boolean {
    try {
      this.#reconcile(false);
      if (this.#problem !== undefined) this.#log("recovered", this.#problem);
      this.#problem = undefined;
      return true;
    } catch (cause) {
      const problem = CniError.from(cause).message;
      if (problem !== this.#problem) this.#log("problem", problem);
      this.#problem = problem;
      if (this.#last) this.#keepLast();
      return false;
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

  /** A question that fails is no answer: whoever reconciles says why. */
  #hasGuards(): boolean {
    try {
      return areGuarded(this.#config, this.#host);
    } catch {
      return false;
    }
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
