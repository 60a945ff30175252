/** Connections to other machines, which never wait: bytes go out and come in as an event loop turns. */

import type { Failure } from "./failure.ts";

/** What a connection tells, in this order: open, data any number of times, and then one end. */
export interface StreamEvents {
  /** The connection is made, and with TLS the other end is who it should be. */
  readonly onOpen: () => void;
  /** Bytes that have come; they are the listener's to keep. */
  readonly onData: (bytes: Uint8Array) => void;
  /** It is over: by the other end in good order (undefined), or by a failure. */
  readonly onEnd: (cause: Failure | undefined) => void;
}

/** One connection. */
export interface Stream {
  /** Sends all of it, in the order of calls; what the network does not take yet is kept. */
  send(bytes: Uint8Array): void;
  /** Ends it at once; nothing is told any more. */
  close(): void;
}

/** Where to, and by which means. */
export interface StreamTarget {
  /** A name, an IPv4 address, or an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Without it the connection is plain TCP. */
  readonly tls?: TlsTarget | undefined;
}

/** Whom to trust, and who we are: contents of PEM files. */
export interface TlsTarget {
  /** Certificates of authorities; undefined: of those that this host trusts. */
  readonly authorities?: string | undefined;
  /** The client's certificate, with those between it and its authority, and its key. */
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  /** The name that the other end's certificate must be for; the host's unless given. */
  readonly serverName?: string | undefined;
  /** True: whoever answers is believed (kubeconfig: insecure-skip-tls-verify). */
  readonly isUnverified?: boolean | undefined;
}

/** Opens connections: by the kernel, or in a test by nobody. Never throws: what fails ends. */
export type OpenStream = (target: StreamTarget, events: StreamEvents) => Stream;
