/** Answers of servers, and how long they may take. */

import type { HttpFailure } from "./failure.ts";

/** A whole answer, whatever its status. */
export interface Answer {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

/** How long an answer may take, in milliseconds, and how many bytes of it are wanted at most. */
export interface AskLimits {
  readonly deadline: number;
  readonly most: number;
}

/** What is told of an answer that does not end. */
export interface FollowEvents {
  /** The server has accepted: lines come. */
  readonly onStart: () => void;
  /** One line, without its end; empty ones are left out. */
  readonly onLine: (line: string) => void;
  /** It is over: the server ended it (undefined), refused it with an answer, or it failed. */
  readonly onEnd: (why: HttpFailure | Answer | undefined) => void;
}

export interface FollowLimits {
  /** How long until the server accepts, in milliseconds. */
  readonly deadline: number;
  /** How long it may be silent afterwards. */
  readonly silence: number;
  /** The longest line, and the longest refusal, in bytes. */
  readonly most: number;
}

/** What is told of an answer that is too long to be kept. */
export interface ReadEvents {
  /** The server has accepted: pieces come. Headers are by name in lower case. */
  readonly onStart?: ((headers: ReadonlyMap<string, string>) => void) | undefined;
  /** Bytes of the answer; they are the reader's to keep. */
  readonly onPiece: (bytes: Uint8Array) => void;
  /** It is over: whole (undefined), refused with an answer, or it failed. */
  readonly onEnd: (why: HttpFailure | Answer | undefined) => void;
}

export interface ReadLimits {
  /** How long until the server accepts, in milliseconds. */
  readonly deadline: number;
  /** How long it may be silent afterwards. */
  readonly silence: number;
  /** How many bytes are wanted at most. */
  readonly most: number;
}
