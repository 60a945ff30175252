/** What reads lists and watches while they come, whatever they are written in. */

import type { JsonObject } from "../../overlay/contract/host.ts";

/** What is told of a list. */
export interface ListReaderEvents {
  readonly onItem: (item: JsonObject) => void;
  /** Of which kind items are. */
  readonly kind: string;
  /** The longest item, and the longest rest of the list, in bytes. */
  readonly most: number;
}

/** Reads one list. Whatever comes, nothing is thrown: a returned text is what is wrong with it. */
export interface ListReader {
  push(piece: Uint8Array): string | undefined;
  /** The list without its items. */
  finish(): JsonObject | string;
}

/** What a watch says: of which type an event is, and the object. */
export interface WatchEvent {
  readonly type: unknown;
  readonly object: JsonObject;
}

/** What is told of a watch. */
export interface WatchReaderEvents {
  readonly onEvent: (event: WatchEvent) => void;
  /** Whether no more events are wanted. */
  readonly isOver: () => boolean;
  /** The longest event, in bytes. */
  readonly most: number;
}

/** Reads one watch; a returned text is what is wrong with it. */
export interface WatchReader {
  push(piece: Uint8Array): string | undefined;
  /** It has ended. */
  finish(): string | undefined;
}
