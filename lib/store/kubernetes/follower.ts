/**
 * All objects of a kind, and then each change of them: a list, and a watch from its version on. What fails is
 * tried again; a list is made anew only if the server has forgotten what came after the last one.
 */

import type { Cancel, Clock } from "../../host/clock.ts";
import { isObject, type JsonObject } from "../../overlay/contract/host.ts";
import { BackOff } from "../back-off.ts";
import { type Api, type ApiRequest, Refusal } from "./api.ts";
import { WATCH_TYPES, watchReader } from "./coding.ts";
import { listAll, type NotOlder } from "./list.ts";
import type { WatchEvent, WatchReader } from "./reading.ts";
import type { Resource } from "./resource.ts";

/** What is told of objects. */
export interface FollowerEvents {
  /** A list begins: each of its objects follows, and then that it is whole. */
  readonly onListBegin: () => void;
  readonly onListed: (object: JsonObject) => void;
  readonly onListEnd: () => void;
  /** An object is new or has changed; `isGone` if it is deleted. */
  readonly onChange: (object: JsonObject, isGone: boolean) => void;
  /** What keeps it from knowing; undefined once it knows again. */
  readonly onProblem: (problem: string | undefined) => void;
}

/** Waits after failures, in milliseconds. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
/** A watch is asked to last between these, in seconds. */
const SHORTEST_WATCH = 300;
const LONGEST_WATCH = 600;
/** A watch that ended sooner did not do what it is for: the next one waits. */
const TOO_SHORT = 1_000;

/** How long a watch may be silent, in milliseconds; it has no end. */
const WATCH_LIMITS = { silence: 150_000, most: Number.POSITIVE_INFINITY };
const LONGEST_EVENT = 4 << 20;

/** What it follows, and works with. */
export interface FollowerMeans {
  readonly resource: Resource;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Follows objects until it is stopped. */
export class Follower {
  readonly #api: Api;
  readonly #resource: Resource;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #events: FollowerEvents;
  readonly #backOff: BackOff;
  readonly counts = { lists: 0, watches: 0 };
  #cancel: Cancel = () => {};
  /** The version that the next watch begins after. */
  #version = "";
  /** Whether anything has come in this watch. */
  #isHeard = false;
  /** Whether the server has begun this watch. */
  #isBegun = false;
  #from: NotOlder = "0";

  constructor(api: Api, means: FollowerMeans, events: FollowerEvents) {
    this.#api = api;
    this.#resource = means.resource;
    this.#clock = means.clock;
    this.#random = means.random;
    this.#events = events;
    this.#backOff = new BackOff(FIRST_WAIT, LONGEST_WAIT, means.random);
  }

  /** Lists all objects, whatever is under way. */
  start(): void {
    this.stop();
    this.#list();
  }

  stop(): void {
    this.#cancel();
  }

  #list(): void {
    this.counts.lists++;
    this.#events.onListBegin();
    const wanted = { resource: this.#resource, from: this.#from };
    this.#cancel = listAll(this.#api, wanted, {
      onItem: (item) => this.#events.onListed(item),
      onDone: (what) => this.#listed(what),
    });
  }

  #listed(what: { readonly version: string } | Refusal): void {
    if (what instanceof Refusal) this.#failedList(what);
    else this.#follow(what.version);
  }

  #follow(version: string): void {
    this.#version = version;
    this.#from = version;
    this.#backOff.reset();
    this.#watch();
    this.#events.onListEnd();
    this.#events.onProblem(undefined);
  }

  /** Where the server cannot go on from what is known, the newest list is asked for. */
  #failedList(refusal: Refusal): void {
    if (isBehind(refusal)) this.#from = undefined;
    if (refusal.kind !== "expired") this.#events.onProblem(refusal.message);
    this.#wait(() => this.#list());
  }

  #wait(act: () => void): void {
    this.#cancel = this.#clock.after(this.#backOff.next(), act);
  }

  #watch(): void {
    this.counts.watches++;
    const spread = Math.floor(this.#random() * (LONGEST_WATCH - SHORTEST_WATCH));
    const query = `allowWatchBookmarks=true&timeoutSeconds=${SHORTEST_WATCH + spread}`;
    const version = encodeURIComponent(this.#version);
    const { name, isJson } = this.#resource;
    const path = `${this.#resource.path}?watch=true&${query}&resourceVersion=${version}`;
    const types = isJson ? undefined : WATCH_TYPES;
    const request: ApiRequest = { method: "GET", path, verb: "watch", resource: name, types };
    this.#isHeard = false;
    this.#isBegun = false;
    this.#read(request, this.#clock.now());
  }

  #read(request: ApiRequest, begun: number): void {
    let reader: WatchReader | undefined;
    let isOver = false;
    const end = (refusal: Refusal | undefined, since: number) => {
      this.#cancel();
      this.#ended(refusal, since);
    };
    const onEvent = (event: WatchEvent) => {
      const refusal = this.#event(event, request);
      if (refusal) end(refusal, this.#clock.now());
    };
    const check = (fault: string | undefined) => {
      if (fault === undefined || isOver) return;
      this.#isHeard = true;
      end(this.#api.refuse(request, fault), this.#clock.now());
    };
    const cancel = this.#api.read(request, WATCH_LIMITS, {
      onStart: (type) => {
        this.#isBegun = true;
        reader = watchReader(type, { onEvent, isOver: () => isOver, most: LONGEST_EVENT });
        this.#events.onProblem(undefined);
      },
      onPiece: (bytes) => check(reader?.push(bytes)),
      onEnd: (refusal) => {
        if (!refusal) check(reader?.finish());
        if (!isOver) end(refusal, begun);
      },
    });
    this.#cancel = () => {
      isOver = true;
      cancel();
    };
  }

  #ended(refusal: Refusal | undefined, begun: number): void {
    const isShort = this.#clock.now() - begun < TOO_SHORT;
    if (!isShort) this.#backOff.reset();
    if (refusal && isBehind(refusal)) this.#relist(undefined);
    else if (!isShort && this.#isBegun && !this.#isHeard) {
      if (refusal) this.#events.onProblem(refusal.message);
      this.#relist(this.#version);
    } else {
      if (refusal) this.#events.onProblem(refusal.message);
      if (refusal || isShort) this.#wait(() => this.#watch());
      else this.#watch();
    }
  }

  /**
   * A server sends a bookmark every minute. One that has sent nothing may have lost its data, and
   * wait for a version that is years away.
   */
  #relist(from: NotOlder): void {
    this.#from = from;
    this.#wait(() => this.#list());
  }

  /** What cannot be read is asked for again, from the last version that could: a returned refusal. */
  #event({ type, object }: WatchEvent, request: ApiRequest): Refusal | undefined {
    this.#isHeard = true;
    if (type === "ERROR") return this.#errorOf(object, request);
    const version = versionOf(object);
    if (version === "") return this.#api.refuse(request, "it sent an event without a version");
    this.#version = version;
    this.#from = version;
    if (type !== "BOOKMARK") this.#events.onChange(object, type === "DELETED");
    return undefined;
  }

  #errorOf({ code, message }: JsonObject, request: ApiRequest): Refusal {
    const words = `${String(code)} (${String(message).slice(0, 300)})`;
    return this.#api.refuse(request, words, code === 410 || code === 504 ? "expired" : "failed");
  }
}

/** Whether the server cannot go on from what is known here. */
function isBehind({ kind }: Refusal): boolean {
  return kind === "expired" || kind === "ahead";
}

function versionOf({ metadata }: JsonObject): string {
  const version = isObject(metadata) ? metadata.resourceVersion : undefined;
  return typeof version === "string" ? version : "";
}
