/** All objects of a kind: in pages where the server makes them, and each as it comes. */

import type { Cancel } from "../../host/clock.ts";
import { isObject, type JsonObject } from "../../overlay/contract/host.ts";
import type { Api, ApiRequest, Refusal } from "./api.ts";
import { LIST_TYPES, listReader } from "./coding.ts";
import type { ListReader } from "./reading.ts";
import type { Resource } from "./resource.ts";

/** So many objects of 10 KB are asked for at once: a server that has them in memory may send all. */
const PAGE = 100;
const LONGEST_ITEM = 4 << 20;
/** In milliseconds and bytes. */
const LIST_LIMITS = { silence: 30_000, most: 1 << 30 };

/** What is told of a list. */
export interface ListEvents {
  readonly onItem: (item: JsonObject) => void;
  /** It is whole, as of a version that can be watched from; or why it is not. */
  readonly onDone: (what: { readonly version: string } | Refusal) => void;
}

/** From where on a list is good: any that the server has at hand ("0"), or the newest (undefined). */
export type NotOlder = string | undefined;

/** What is listed, and from where on. */
export interface Wanted {
  readonly resource: Resource;
  readonly from: NotOlder;
}

/** Lists all objects of a kind once. */
export function listAll(api: Api, { resource, from }: Wanted, events: ListEvents): Cancel {
  return new Listing(api, resource, events).start(from);
}

class Listing {
  readonly #api: Api;
  readonly #resource: Resource;
  readonly #events: ListEvents;
  #cancel: Cancel = () => {};
  #count = 0;

  constructor(api: Api, resource: Resource, events: ListEvents) {
    this.#api = api;
    this.#resource = resource;
    this.#events = events;
  }

  start(from: NotOlder): Cancel {
    this.#page(from === undefined ? "" : `&resourceVersion=${encodeURIComponent(from)}`);
    return () => this.#cancel();
  }

  #page(query: string): void {
    const { name, kind, isJson } = this.#resource;
    const path = `${this.#resource.path}?limit=${PAGE}${query}`;
    const types = isJson ? undefined : LIST_TYPES;
    const request: ApiRequest = { method: "GET", path, verb: "list", resource: name, types };
    const onItem = (item: JsonObject) => this.#take(item);
    let reader: ListReader | undefined;
    this.#cancel = this.#api.read(request, LIST_LIMITS, {
      onStart: (type) => {
        reader = listReader(type, { onItem, kind, most: LONGEST_ITEM });
      },
      onPiece: (bytes) => {
        const fault = reader?.push(bytes) ?? this.#fault;
        if (fault !== undefined) this.#fail(request, fault);
      },
      onEnd: (refusal) => {
        if (refusal || !reader)
          this.#events.onDone(refusal ?? this.#api.refuse(request, "nothing came"));
        else this.#end(request, reader.finish());
      },
    });
  }

  #take(item: JsonObject): void {
    this.#count++;
    this.#events.onItem(item);
  }

  get #fault(): string | undefined {
    const { most, name } = this.#resource;
    return this.#count > most ? `there are more than ${most} ${name} in it` : undefined;
  }

  #fail(request: ApiRequest, state: string): void {
    this.#cancel();
    this.#events.onDone(this.#api.refuse(request, `the list cannot be read: ${state}`));
  }

  #end(request: ApiRequest, list: JsonObject | string): void {
    const metadata = typeof list !== "string" && isObject(list.metadata) ? list.metadata : {};
    const { resourceVersion: version, continue: next } = metadata;
    if (typeof list === "string") this.#fail(request, list);
    else if (typeof version !== "string" || !/List$/.test(String(list.kind))) {
      this.#fail(request, `it is no ${this.#resource.kind}List with a resourceVersion`);
    } else if (typeof next === "string" && next !== "") {
      this.#page(`&continue=${encodeURIComponent(next)}`);
    } else this.#events.onDone({ version });
  }
}
