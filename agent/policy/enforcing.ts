/** Enforcing network policies in the agent: rules, the socket where pods are told, and what is told of it. */

import type { EventLoop } from "../../lib/host/epoll.ts";
import { fileStatus } from "../../lib/host/file-status.ts";
import { listenAt } from "../../lib/host/health.ts";
import { LineServer } from "../../lib/host/line-server.ts";
import { attachSocketOf } from "../../lib/state/pod-agent.ts";
import { Attaching } from "./attaching.ts";
import { Enforcer, type EnforcerParts } from "./enforcer.ts";
import { fullName } from "./policy.ts";

/** As many pods are waited for at once; further ones wait in line. */
const MOST_CONNECTIONS = 1000;
/** An attachment of a pod has names of 255 bytes and some addresses. */
const LONGEST_LINE = 8 << 10;

/** All of it, in one agent. */
export class Enforcing {
  readonly enforcer: Enforcer;
  readonly #parts: EnforcerParts;
  readonly #attaching: Attaching;
  readonly #server: LineServer;
  readonly #socket: string;
  #contested: ReadonlyMap<string, string> = new Map();

  constructor(parts: EnforcerParts, loop: EventLoop, network: string) {
    this.#parts = parts;
    this.enforcer = new Enforcer(parts);
    this.#attaching = new Attaching({ ...parts, enforcer: this.enforcer });
    this.#socket = attachSocketOf(network);
    this.#server = new LineServer(loop, listenAt(this.#socket), {
      mostConnections: MOST_CONNECTIONS,
      longestLine: LONGEST_LINE,
      serve: (line, answer) => this.#attaching.serve(line, answer),
    });
  }

  start(): void {
    this.#parts.told.read(true);
    this.#parts.tell("note", "network policies are enforced once all of them are known");
  }

  turn(): void {
    this.enforcer.turn();
    this.#attaching.turn();
    this.#tellOfContested();
  }

  keep(): void {
    if (!fileStatus(this.#socket)) this.#server.replaceListener(listenAt(this.#socket));
    this.enforcer.keep();
  }

  /** Each is named when it comes and when it goes. */
  #tellOfContested(): void {
    const { policies, tell } = this.#parts;
    const { cluster } = policies;
    const now = new Map<string, string>();
    for (const address of cluster.contested) {
      const pods = cluster.podsAt(address).map(fullName).sort().join(" and ");
      const known = this.#contested.get(address);
      const words = `${address} is an address of ${pods}: what only one of them may do nobody may`;
      now.set(address, words);
      if (known !== words) tell("contested", words);
    }
    for (const [address, words] of this.#contested) {
      if (!now.has(address)) tell("recovered", words);
    }
    this.#contested = now;
  }
}
