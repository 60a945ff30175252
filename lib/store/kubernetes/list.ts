/** All Nodes: in pages where the server makes them, and each as it comes. */

import type { Cancel } from "../../host/clock.ts";
import { isObject, type JsonObject } from "../../overlay/contract/host.ts";
import type { Api, ApiRequest, Refusal } from "./api.ts";
import { LIST_TYPES, listReader } from "./coding.ts";
import type { ListReader } from "./reading.ts";

/** So many Nodes of 10 KB are asked for at once: a server that has them in memory may send all. */
const PAGE = 100;
/** No cluster is larger, and no server makes this host keep more. */
const MOST_NODES = 100_000;
const LONGEST_NODE = 4 << 20;
/** In milliseconds and bytes. */
const LIST_LIMITS = { silence: 30_000, most: 1 << 30 };

/** What is told of a list. */
export interface ListEvents {
  readonly onNode: (node: JsonObject) => void;
  /** It is whole, as of a version that can be watched from; or why it is not. */
  readonly onDone: (what: { readonly version: string } | Refusal) => void;
}

/** From where on a list is good: any that the server has at hand ("0"), or the newest (undefined). */
export type NotOlder = string | undefined;

/** Lists all Nodes once. */
export function listNodes(api: Api, from: NotOlder, events: ListEvents): Cancel {
  return new NodeList(api, events).start(from);
}

class NodeList {
  readonly #api: Api;
  readonly #events: ListEvents;
  #cancel: Cancel = () => {};
  #count = 0;

  constructor(api: Api, events: ListEvents) {
    this.#api = api;
    this.#events = events;
  }

  start(from: NotOlder): Cancel {
    this.#page(from === undefined ? "" : `&resourceVersion=${encodeURIComponent(from)}`);
    return () => this.#cancel();
  }

  #page(query: string): void {
    const path = `/api/v1/nodes?limit=${PAGE}${query}`;
    const request: ApiRequest = {
      ...{ method: "GET", path, verb: "list", resource: "nodes", types: LIST_TYPES },
    };
    const onItem = (node: JsonObject) => this.#take(node);
    let reader: ListReader | undefined;
    this.#cancel = this.#api.read(request, LIST_LIMITS, {
      onStart: (type) => {
        reader = listReader(type, { onItem, most: LONGEST_NODE });
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

  #take(node: JsonObject): void {
    this.#count++;
    this.#events.onNode(node);
  }

  get #fault(): string | undefined {
    return this.#count > MOST_NODES ? `there are more than ${MOST_NODES} nodes in it` : undefined;
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
      this.#fail(request, "it is no NodeList with a resourceVersion");
    } else if (typeof next === "string" && next !== "") {
      this.#page(`&continue=${encodeURIComponent(next)}`);
    } else this.#events.onDone({ version });
  }
}
