/** How etcd is reached, and under which keys a network is. */

import type { Clock } from "../../host/clock.ts";
import type { OpenStream, TlsTarget } from "../../host/stream.ts";
import type { Endpoint } from "../../http/endpoint.ts";

export interface EtcdSettings {
  /** The members of one cluster; at least one. */
  readonly endpoints: readonly Endpoint[];
  /** What all keys of the network begin with, without a slash at its end: `/coreos.com/network`. */
  readonly prefix: string;
  /** For endpoints with https; asked for each connection, as files of it may be replaced. */
  readonly tls?: (() => TlsTarget) | undefined;
  readonly user?: EtcdUser | undefined;
  /** How long before its end a lease is renewed at the latest, in milliseconds. */
  readonly renewMargin: number;
}

export interface EtcdUser {
  readonly name: string;
  /** Asked for each time it is needed, as it may be in a file. */
  readonly password: () => string;
}

/** What a store works with. */
export interface EtcdMeans {
  readonly open: OpenStream;
  readonly clock: Clock;
  /** Numbers from 0 up to, but not including, 1. */
  readonly random: () => number;
}

/** Counts of what has happened; for metrics. */
export interface EtcdCounts {
  requests: number;
  failures: number;
  /** How often all hosts were listed, and a watch was begun. */
  listings: number;
  watches: number;
  /** Keys or values that are no host's, each counted once. */
  ignored: number;
  renewals: number;
  [name: string]: number;
}

export function noCounts(): EtcdCounts {
  return { requests: 0, failures: 0, listings: 0, watches: 0, ignored: 0, renewals: 0 };
}
