/** Requests to the API server: with the credentials of now, and with refusals in words that help. */

import type { Cancel, Clock } from "../../host/clock.ts";
import { Failure } from "../../host/failure.ts";
import { decodeJson, type JsonError, parseJson } from "../../host/json.ts";
import type { OpenStream } from "../../host/stream.ts";
import type { Answer, ReadLimits } from "../../http/answer.ts";
import { HttpClient } from "../../http/client.ts";
import { cannot, HttpFailure } from "../../http/failure.ts";
import type { Request } from "../../http/request.ts";
import { isObject, type JsonObject } from "../../overlay/contract/host.ts";
import type { Access, Credentials } from "./access.ts";
import { statusMessage } from "./coding.ts";

/** A request, and the right that it takes. */
export interface ApiRequest {
  readonly method: "GET" | "PATCH";
  readonly path: string;
  /** As RBAC has it: `list`, and `nodes`. */
  readonly verb: string;
  readonly resource: string;
  /** Which types of answers are read; JSON unless given. */
  readonly types?: string | undefined;
  /** A patch, and of which kind it is. */
  readonly patch?: { readonly type: PatchType; readonly body: string } | undefined;
}

export type PatchType = "merge-patch" | "strategic-merge-patch";

/**
 * Why there is no answer: `expired` is 410, what was asked from is forgotten; `ahead` is 504, it is
 * newer than all the server knows; `missing` is 404.
 */
export class Refusal {
  readonly kind: RefusalKind;
  readonly message: string;

  constructor(kind: RefusalKind, message: string) {
    this.kind = kind;
    this.message = message;
  }
}

type RefusalKind = "expired" | "ahead" | "unauthorized" | "missing" | "failed";

/** Counts for metrics. */
export interface ApiCounts {
  requests: number;
  failures: number;
}

/** What an API works with. */
export interface ApiMeans {
  readonly open: OpenStream;
  readonly clock: Clock;
  readonly access: Access;
  readonly counts: ApiCounts;
}

/** In milliseconds: an answer's deadline, and how old a token may be. */
const DEADLINE = 30_000;
const CREDENTIALS_AGE = 60_000;
/** In bytes. */
const LONGEST_OBJECT = 4 << 20;

/** What is told of a list or a watch: its Content-Type, its pieces, and its end. */
export interface PieceEvents {
  readonly onStart: (type: string) => void;
  readonly onPiece: (bytes: Uint8Array) => void;
  readonly onEnd: (refusal: Refusal | undefined) => void;
}

/** How long it may be silent, in milliseconds, and how many bytes are wanted at most. */
export type PieceLimits = Pick<ReadLimits, "silence" | "most">;

interface Session extends Credentials {
  readonly client: HttpClient;
}

/** One API server. */
export class Api {
  readonly #means: ApiMeans;
  #session: Session | undefined;
  #readAt = 0;

  constructor(means: ApiMeans) {
    this.#means = means;
  }

  /** Asks for one object. */
  ask(request: ApiRequest, done: (what: JsonObject | Refusal) => void): Cancel {
    return this.#attempt(request, done, (session, heard) => {
      const limits = { deadline: DEADLINE, most: LONGEST_OBJECT };
      return session.client.ask(httpRequest(request, session), limits, (what) => {
        const isGood = !(what instanceof HttpFailure) && what.status < 300;
        if (isGood) done(this.#objectIn(what.body, request, session));
        else heard(what);
      });
    });
  }

  /** Reads a list that may be long, or a watch. */
  read(request: ApiRequest, limits: PieceLimits, events: PieceEvents): Cancel {
    const { onStart, onPiece, onEnd } = events;
    return this.#attempt(request, onEnd, (session, heard) =>
      session.client.read(
        httpRequest(request, session),
        { deadline: DEADLINE, ...limits },
        {
          onStart: (headers) => onStart(headers.get("content-type") ?? ""),
          onPiece,
          onEnd: (why) => (why ? heard(why) : onEnd(undefined)),
        },
      ),
    );
  }

  /** Ends all requests; nothing is told any more. */
  close(): void {
    this.#session?.client.close();
  }

  /** What is wrong with an answer, as a refusal. */
  refuse(request: ApiRequest, state: string, kind: RefusalKind = "failed"): Refusal {
    const endpoint = this.#session?.endpoint;
    const what = endpoint ? cannot(endpoint, request) : `Cannot ${request.method} ${request.path}`;
    return new Refusal(kind, `${what}: ${state}`);
  }

  /** Begins a request; once more if it is refused by 401 and there is another token meanwhile. */
  #attempt(
    request: ApiRequest,
    refused: (refusal: Refusal) => void,
    begin: (session: Session, heard: (why: Why) => void) => Cancel,
  ): Cancel {
    let cancel: Cancel = () => {};
    const attempt = (isLast: boolean): void => {
      const session = this.#open();
      if (session instanceof Refusal) {
        cancel = this.#means.clock.after(0, () => refused(this.#counted(session)));
        return;
      }
      this.#means.counts.requests++;
      cancel = begin(session, (why) => {
        const isAway = why instanceof HttpFailure;
        const isStale = !isAway && why.status === 401;
        const isForbidden = !isAway && why.status === 403;
        if (isStale || isForbidden || isAway) this.#readAt = Number.NEGATIVE_INFINITY;
        if (isStale && !isLast && this.#hasOtherToken(session)) attempt(true);
        else refused(this.#counted(this.#refusalOf(why, request, session)));
      });
    };
    attempt(false);
    return () => cancel();
  }

  #counted(refusal: Refusal): Refusal {
    if (refusal.kind !== "expired") this.#means.counts.failures++;
    return refusal;
  }

  #hasOtherToken({ token }: Session): boolean {
    const session = this.#open();
    return !(session instanceof Refusal) && session.token !== token;
  }

  /** Files may have changed; a connection stays as long as what it was made with does. */
  #open(): Session | Refusal {
    const { access, clock, open } = this.#means;
    if (this.#session && clock.now() - this.#readAt < CREDENTIALS_AGE) return this.#session;
    try {
      const now = access();
      const former = this.#session;
      const isSame = former && keyOf(former) === keyOf(now);
      const client = isSame
        ? former.client
        : new HttpClient(now.endpoint, { open, clock, tls: () => now.tls ?? {} });
      this.#session = { ...now, client };
      this.#readAt = clock.now();
      return this.#session;
    } catch (cause) {
      if (!(cause instanceof Failure)) throw cause;
      return this.#session ?? new Refusal("failed", cause.message);
    }
  }

  #objectIn(body: Uint8Array, request: ApiRequest, { endpoint }: Session): JsonObject | Refusal {
    try {
      const json = parseJson(decodeJson(body));
      if (isObject(json)) return json;
      return new Refusal("failed", `${cannot(endpoint, request)}: it is no object`);
    } catch (cause) {
      const state = `the answer is no JSON: ${(cause as JsonError).message}`;
      return new Refusal("failed", `${cannot(endpoint, request)}: ${state}`);
    }
  }

  #refusalOf(why: Why, request: ApiRequest, session: Session): Refusal {
    if (why instanceof HttpFailure) return new Refusal("failed", why.message);
    const { status } = why;
    const words = `${cannot(session.endpoint, request)}: ${status}${reasonOf(why)}`;
    const kind = KINDS[status] ?? "failed";
    return new Refusal(kind, `${words}${adviceFor(status, request, session)}`);
  }
}

type Why = Answer | HttpFailure;

const KINDS: Readonly<Record<number, RefusalKind>> = {
  401: "unauthorized",
  404: "missing",
  410: "expired",
  504: "ahead",
};

function keyOf({ endpoint, tls }: Credentials): string {
  return JSON.stringify([endpoint, tls]);
}

function httpRequest(request: ApiRequest, { token }: Session): Request {
  const { method, path, patch, types } = request;
  const headers = {
    ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    ...(types === undefined ? {} : { Accept: types }),
  };
  if (!patch) return { method, path, headers };
  const type = `application/${patch.type}+json`;
  return { method, path, headers: { ...headers, "Content-Type": type }, body: patch.body };
}

/** What the server says itself: the message of a Status object. */
function reasonOf({ headers, body }: Answer): string {
  const words = statusMessage(headers.get("content-type") ?? "", body);
  return words === undefined ? "" : ` (${words.slice(0, 300)})`;
}

function adviceFor(status: number, request: ApiRequest, { source }: Session): string {
  if (status === 401) return `: the server does not accept what ${source} says who this is`;
  if (status !== 403) return "";
  return `: the right is missing to ${request.verb} ${request.resource}, as a ClusterRole gives it`;
}
