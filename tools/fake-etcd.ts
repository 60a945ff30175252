/** An etcd of unit tests, in memory: its JSON gateway on a fake network, as etcd 3.4 answers. */
import {
  answerText,
  type FakeClock,
  type FakeConnection,
  type FakeNetwork,
} from "./fake-network.ts";

type Json = Record<string, unknown>;
type Kv = { value: string; lease: string; created: number; modified: number; version: number };
type Change = { key: string; kv: Kv | undefined; revision: number };

const from64 = (text: unknown) => Buffer.from(String(text ?? ""), "base64").toString();
const to64 = (text: string) => Buffer.from(text).toString("base64");

export class FakeEtcd {
  readonly keys = new Map<string, Kv>();
  readonly leases = new Map<string, number>();
  readonly requests: { path: string; message: Json; token: string | undefined; port: number }[] =
    [];
  cluster = "77";
  revision = 1;
  compacted = 0;
  /** How many of a page at most, whatever is asked for. */
  page = Infinity;
  /** Connections to these ports are refused, or never answered. */
  readonly refused = new Set<number>();
  readonly silent = new Set<number>();
  /** Another answer, whole, to a request. */
  instead: (path: string, message: Json) => string | undefined = () => undefined;
  /** Tokens there are, if users are wanted. */
  tokens: Set<string> | undefined;
  password = "secret";
  readonly #clock: FakeClock;
  readonly #changes: Change[] = [];
  #watches: { connection: FakeConnection; from: string; to: string }[] = [];
  #leases = 1000;

  constructor(network: FakeNetwork, clock: FakeClock) {
    this.#clock = clock;
    network.onConnect = (connection) => this.#connected(connection);
  }

  /* ---- for tests ---- */

  put(key: string, value: string, lease = "0"): number {
    const former = this.keys.get(key);
    const modified = ++this.revision;
    const [created, version] = [former?.created ?? modified, (former?.version ?? 0) + 1];
    const kv = { value, lease, created, modified, version };
    this.keys.set(key, kv);
    this.#tell({ key, kv, revision: modified });
    return modified;
  }

  delete(key: string): void {
    if (!this.keys.delete(key)) return;
    this.#tell({ key, kv: undefined, revision: ++this.revision });
  }

  revoke(lease: string): void {
    this.leases.delete(lease);
    for (const [key, kv] of [...this.keys]) if (kv.lease === lease) this.delete(key);
  }

  compact(): void {
    this.compacted = this.revision;
    this.#changes.length = 0;
  }

  /** Ends all connections that watch. */
  cut(): void {
    for (const { connection } of this.#watches.splice(0)) connection.end();
  }

  get watchers(): number {
    return this.#watches.filter(({ connection }) => !connection.isClosed).length;
  }

  /* ---- the gateway ---- */

  #connected(connection: FakeConnection): void {
    const { port } = connection.target;
    if (this.silent.has(port)) return;
    this.#clock.after(1, () => (this.refused.has(port) ? connection.end() : connection.open()));
    connection.onSent = () => this.#clock.after(1, () => this.#read(connection));
  }

  #read(connection: FakeConnection): void {
    const { port } = connection.target;
    const [, path = "", head = "", body = ""] =
      /^POST (\S+) HTTP\/1.1\r\n([\s\S]*?)\r\n\r\n([\s\S]*)$/.exec(connection.take()) ?? [];
    if (connection.isClosed || path === "" || this.silent.has(port)) return;
    const message = JSON.parse(body) as Json;
    const token = /Authorization: (.*)/.exec(head)?.[1]?.trim();
    this.requests.push({ path, message, token, port });
    this.#expire();
    const other = this.instead(path, message);
    if (this.refused.has(port)) connection.end();
    else if (other !== undefined) connection.give(other);
    else if (path === "/v3/watch") this.#watch(connection, message, token);
    else {
      const { status = 200, ...answer } = this.#answer(path, message, token);
      connection.give(answerText(JSON.stringify(answer), status as number));
    }
  }

  #isKnown(token: string | undefined): boolean {
    return this.tokens === undefined || (token !== undefined && this.tokens.has(token));
  }

  #expire(): void {
    for (const [lease, end] of this.leases) if (end <= this.#clock.now()) this.revoke(lease);
  }

  #answer(path: string, message: Json, token: string | undefined): Json {
    if (path === "/v3/auth/authenticate") return this.#authenticate(message);
    if (!this.#isKnown(token)) {
      if (token === undefined) return fault(400, 3, "etcdserver: user name is empty");
      return fault(401, 16, "etcdserver: invalid auth token");
    }
    if (path === "/v3/kv/range") return this.#range(message);
    if (path === "/v3/kv/txn") return this.#transact(message);
    if (path === "/v3/lease/grant") return this.#grant(message);
    if (path === "/v3/lease/keepalive") return this.#keepAlive(message);
    return fault(404, 5, "Not Found");
  }

  get #header() {
    return { cluster_id: this.cluster, revision: String(this.revision) };
  }

  #authenticate({ password }: Json): Json {
    if (!this.tokens) return fault(412, 9, "etcdserver: authentication is not enabled");
    if (password !== this.password) {
      return fault(400, 3, "etcdserver: authentication failed, invalid user ID or password");
    }
    const token = `token.${this.requests.length}`;
    this.tokens.add(token);
    return { token };
  }

  #within(from: string, to: string): [string, Kv][] {
    const isIn = (key: string) => (to === "" ? key === from : key >= from && key < to);
    return [...this.keys].filter(([key]) => isIn(key)).sort(([a], [b]) => (a < b ? -1 : 1));
  }

  #range({ key, range_end, limit = 0 }: Json): Json {
    const all = this.#within(from64(key), from64(range_end));
    const most = Math.min(Number(limit) || Infinity, this.page);
    const kvs = all.slice(0, most).map(([name, kv]) => toJson(name, kv));
    return {
      header: this.#header,
      ...(kvs.length > 0 ? { kvs, count: String(all.length) } : {}),
      ...(all.length > most ? { more: true } : {}),
    };
  }

  #transact({ compare, success, failure }: Json): Json {
    const holds = (compare as Json[]).every((each) => {
      const found = this.#within(from64(each.key), from64(each.range_end));
      if (each.target === "VERSION")
        return found.every(([, kv]) => String(kv.version) === each.version);
      return found.length > 0 && found.every(([, kv]) => String(kv.modified) === each.mod_revision);
    });
    const responses = ((holds ? success : failure) as Json[]).map((each) => this.#operate(each));
    return { header: this.#header, ...(holds ? { succeeded: true } : {}), responses };
  }

  #operate({ request_put, request_range, request_delete_range }: Json): Json {
    if (request_range) return { response_range: this.#range(request_range as Json) };
    if (request_delete_range) {
      this.delete(from64((request_delete_range as Json).key));
      return { response_delete_range: {} };
    }
    const { key, value, lease = "0" } = request_put as Json;
    this.put(from64(key), from64(value), String(lease));
    return { response_put: {} };
  }

  #grant({ TTL }: Json): Json {
    const ID = String(++this.#leases);
    this.leases.set(ID, this.#clock.now() + 1000 * Number(TTL));
    return { header: this.#header, ID, TTL };
  }

  #keepAlive({ ID }: Json): Json {
    const isAlive = this.leases.has(String(ID));
    if (isAlive) this.leases.set(String(ID), this.#clock.now() + 86_400_000);
    return { result: { header: this.#header, ID, ...(isAlive ? { TTL: "86400" } : {}) } };
  }

  /* ---- watching ---- */

  #watch(connection: FakeConnection, { create_request }: Json, token: string | undefined): void {
    const { key, range_end, start_revision } = create_request as Json;
    const watch = { connection, from: from64(key), to: from64(range_end) };
    connection.give("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    if (!this.#isKnown(token)) {
      const cancel_reason =
        "rpc error: code = PermissionDenied desc = etcdserver: permission denied";
      this.#line(connection, {
        header: this.#header,
        created: true,
        canceled: true,
        cancel_reason,
      });
      return;
    }
    this.#line(connection, { header: this.#header, created: true });
    if (Number(start_revision) <= this.compacted) {
      const compact_revision = String(this.compacted);
      this.#line(connection, { header: this.#header, canceled: true, compact_revision });
      return;
    }
    this.#watches.push(watch);
    for (const change of this.#changes) {
      if (change.revision >= Number(start_revision)) this.#send(watch, change);
    }
  }

  #tell(change: Change): void {
    this.#changes.push(change);
    for (const watch of this.#watches) this.#send(watch, change);
  }

  #send(watch: { connection: FakeConnection; from: string; to: string }, change: Change): void {
    const { key, kv, revision } = change;
    if (key < watch.from || key >= watch.to) return;
    const gone = { key: to64(key), mod_revision: String(revision) };
    const event = kv ? { kv: toJson(key, kv) } : { type: "DELETE", kv: gone };
    const header = { cluster_id: this.cluster, revision: String(revision) };
    this.#clock.after(1, () => this.#line(watch.connection, { header, events: [event] }));
  }

  /** A chunk with one line. */
  #line(connection: FakeConnection, result: Json): void {
    const text = `${JSON.stringify({ result })}\n`;
    connection.give(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
  }
}

function toJson(key: string, kv: Kv): Json {
  return {
    key: to64(key),
    create_revision: String(kv.created),
    mod_revision: String(kv.modified),
    version: String(kv.version),
    value: to64(kv.value),
    ...(kv.lease === "0" ? {} : { lease: kv.lease }),
  };
}

function fault(status: number, code: number, error: string): Json {
  return { status, error, message: error, code };
}
