/** The file with the network's configuration (--net-config-path), which may be replaced at any time. */

import type { Cancel, Clock } from "../../host/clock.ts";
import { Failure } from "../../host/failure.ts";
import { readTextIfPresent } from "../../host/file.ts";
import { type NetworkConfig, parseNetworkConfig } from "../network.ts";
import { NetworkConfigError } from "../settings.ts";

/** How often it is looked at, in milliseconds: a ConfigMap takes a minute to come. */
const LOOK = 10_000;

/** What is told of the file. */
export interface NetConfEvents {
  readonly onNetwork: (network: NetworkConfig) => void;
  readonly onProblem: (problem: string | undefined) => void;
}

/** Reads a file now and whenever it has changed. */
export class NetConf {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #events: NetConfEvents;
  #text: string | undefined;
  #cancel: Cancel = () => {};

  constructor(path: string, clock: Clock, events: NetConfEvents) {
    this.#path = path;
    this.#clock = clock;
    this.#events = events;
  }

  start(): void {
    this.#cancel = this.#clock.after(LOOK, () => this.start());
    this.#look();
  }

  stop(): void {
    this.#cancel();
  }

  #look(): void {
    try {
      const text = readTextIfPresent(this.#path);
      if (text === undefined) throw this.#missing();
      if (text === this.#text) return;
      const network = parseNetworkConfig(text);
      this.#text = text;
      this.#events.onProblem(undefined);
      this.#events.onNetwork(network);
    } catch (cause) {
      this.#text = undefined;
      this.#events.onProblem(this.#wordsOf(cause));
    }
  }

  #missing(): Failure {
    const advice = "mount the ConfigMap with net-conf.json, or give --net-config-path";
    return new Failure(
      "unsupported",
      `Cannot read "${this.#path}": there is no such file; ${advice}`,
    );
  }

  #wordsOf(cause: unknown): string {
    if (cause instanceof NetworkConfigError) return `${cause.message} (${this.#path})`;
    if (cause instanceof Failure) return cause.message;
    throw cause;
  }
}
