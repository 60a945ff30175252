/** Asking etcd by its JSON gateway: at one member of the cluster, or else at another. */

import type { Cancel, Clock } from "../../host/clock.ts";
import { HttpClient } from "../../http/client.ts";
import { cannot } from "../../http/failure.ts";
import type { Headers, Request } from "../../http/request.ts";
import { isObject, type JsonObject } from "../../overlay/contract/host.ts";
import { EtcdFailure, readAnswer, readRefusal } from "./failure.ts";
import type { EtcdCounts, EtcdMeans, EtcdSettings } from "./settings.ts";

/** A question: the method's path (`/v3/kv/range`) and its message. */
export interface Question {
  readonly path: string;
  readonly message: JsonObject;
  /** How long each endpoint may take, in milliseconds; 5 s unless given. */
  readonly deadline?: number | undefined;
}

export type Done = (what: JsonObject | EtcdFailure) => void;

/** What is told of a stream. */
export interface StreamOf {
  readonly onMessage: (message: JsonObject) => void;
  readonly onEnd: (why: EtcdFailure) => void;
}

const DEADLINE = 5_000;
/** A page of 500 hosts is 200 KB. */
const LONGEST_ANSWER = 4 << 20;
/** etcd sends 1,000 changes together at most, when it catches up. */
const LONGEST_LINE = 8 << 20;
/** etcd tells its progress every ten minutes if nothing changes. */
const SILENCE = 21 * 60_000;
/** Connections are kept from one look at the own key to the next. */
const IDLE = 75_000;

/** A cluster: the endpoint that answers is kept until it fails. */
export class Gateway {
  readonly #settings: EtcdSettings;
  readonly #counts: EtcdCounts;
  readonly #clock: Clock;
  readonly #clients: readonly HttpClient[];
  #current: number;
  #token: string | undefined;
  #isAuthOff = false;

  constructor(settings: EtcdSettings, means: EtcdMeans, counts: EtcdCounts) {
    this.#settings = settings;
    this.#counts = counts;
    const { open, clock } = means;
    this.#clock = clock;
    const all = { open, clock, tls: settings.tls, idle: IDLE };
    this.#clients = settings.endpoints.map((endpoint) => new HttpClient(endpoint, all));
    this.#current = Math.floor(means.random() * this.#clients.length);
  }

  /** Asks one endpoint after the other until one can say something; tells the last one's failure. */
  ask(question: Question, done: Done): Cancel {
    let cancel: Cancel = () => {};
    const askOne = (left: number) => {
      const at = this.#current;
      cancel = this.askAt(at, question, (what) => {
        const isElsewhere = what instanceof EtcdFailure && what.isLocal;
        if (isElsewhere) this.leave(at);
        if (isElsewhere && left > 1) askOne(left - 1);
        else done(what);
      });
    };
    askOne(this.#clients.length);
    return () => cancel();
  }

  /** The number of the endpoint that is used now. */
  get current(): number {
    return this.#current;
  }

  /** From now on another endpoint than this one is asked; two that have failed together leave it once. */
  leave(at: number): void {
    if (at === this.#current) this.#current = (at + 1) % this.#clients.length;
  }

  /** A watch says only that it is denied, also where the token is one that etcd has forgotten. */
  forgetToken(): void {
    this.#token = undefined;
  }

  /** Follows a stream of the endpoint that is used now. */
  follow(question: Question, events: StreamOf): Cancel {
    let cancel: Cancel = () => {};
    const begin = () => {
      cancel = this.#follow(question, events);
    };
    if (!this.#needsToken) begin();
    else {
      cancel = this.#authenticate(this.#client, (failure) => {
        if (failure) events.onEnd(failure);
        else begin();
      });
    }
    return () => cancel();
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  /** How an error about a question begins: `Cannot POST http://etcd:2379/v3/watch`. */
  cannot(question: Question): string {
    return cannot(this.#client.endpoint, this.#request(question));
  }

  get #client(): HttpClient {
    return this.#clients[this.#current] as HttpClient;
  }

  get #needsToken(): boolean {
    return this.#settings.user !== undefined && this.#token === undefined && !this.#isAuthOff;
  }

  /** Asks one endpoint only. A token that etcd has forgotten is replaced by a new one, once. */
  askAt(at: number, question: Question, done: Done): Cancel {
    const client = this.#clients[at] ?? this.#client;
    let cancel: Cancel = () => {};
    const renew = () => {
      cancel = this.#authenticate(client, (failure) => (failure ? done(failure) : send(true)));
    };
    const send = (isLast: boolean) => {
      cancel = this.#send(client, question, (what) => {
        const isRefused = what instanceof EtcdFailure && what.isTokenRefused;
        if (isRefused) this.#token = undefined;
        if (isRefused && this.#needsToken && !isLast) renew();
        else done(what);
      });
    };
    if (this.#needsToken) renew();
    else send(false);
    return () => cancel();
  }

  #send(client: HttpClient, question: Question, done: Done): Cancel {
    const request = this.#request(question);
    const limits = { deadline: question.deadline ?? DEADLINE, most: LONGEST_ANSWER };
    this.#counts.requests++;
    return client.ask(request, limits, (what) => {
      const answer = readAnswer(what, cannot(client.endpoint, request));
      if (answer instanceof EtcdFailure) this.#counts.failures++;
      done(answer);
    });
  }

  #request({ path, message }: Question, headers: Headers = {}): Request {
    const authorized = this.#token === undefined ? {} : { Authorization: this.#token };
    const all = { "Content-Type": "application/json", ...authorized, ...headers };
    return { method: "POST", path, headers: all, body: JSON.stringify(message) };
  }

  #authenticate(client: HttpClient, done: (failure: EtcdFailure | undefined) => void): Cancel {
    const path = "/v3/auth/authenticate";
    this.#token = undefined;
    let message: JsonObject;
    try {
      const { user } = this.#settings;
      message = { name: user?.name ?? "", password: user?.password() ?? "" };
    } catch (cause) {
      const failure = new EtcdFailure(String((cause as Error).message), { isLocal: false });
      return this.#clock.after(0, () => done(failure));
    }
    return this.#send(client, { path, message }, (what) => {
      if (what instanceof EtcdFailure) {
        this.#isAuthOff = what.isAuthOff;
        done(what.isAuthOff ? undefined : what);
      } else if (typeof what.token === "string") {
        this.#token = what.token;
        done(undefined);
      } else {
        const words = cannot(client.endpoint, this.#request({ path, message: {} }));
        done(new EtcdFailure(`${words}: it gives no token`, { isLocal: true }));
      }
    });
  }

  /** A member that has lost its leader ends the stream. */
  #follow(question: Question, events: StreamOf): Cancel {
    const { endpoint } = this.#client;
    const request = this.#request(question, { "Grpc-Metadata-Hasleader": "true" });
    const words = cannot(endpoint, request);
    const deadline = question.deadline ?? DEADLINE;
    const limits = { deadline, silence: SILENCE, most: LONGEST_LINE };
    this.#counts.requests++;
    const end = (failure: EtcdFailure) => {
      if (failure.isTokenRefused) this.#token = undefined;
      this.#counts.failures++;
      events.onEnd(failure);
    };
    const cancel = this.#client.follow(request, limits, {
      onStart: () => {},
      onLine: (line) => {
        const message = readLine(line, words);
        if (message instanceof EtcdFailure) {
          cancel();
          end(message);
        } else events.onMessage(message);
      },
      onEnd: (why) => {
        const over = new EtcdFailure(`${words}: the stream has ended`, { isLocal: true });
        const answer = why ? readAnswer(why, words) : over;
        end(answer instanceof EtcdFailure ? answer : over);
      },
    });
    return cancel;
  }
}

/** `{"result":{…}}`, or what is wrong instead. */
function readLine(line: string, words: string): JsonObject | EtcdFailure {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    json = undefined;
  }
  if (isObject(json) && isObject(json.result)) return json.result;
  const refused = isObject(json) ? readRefusal(json, words) : undefined;
  const shown = JSON.stringify(line.slice(0, 60));
  return refused ?? new EtcdFailure(`${words}: a line is no message: ${shown}`, { isLocal: true });
}
