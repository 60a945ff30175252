/** A process of a bed that sends HTTP requests there for a test, so that no process is started for each. */
import { createConnection } from "node:net";
import { resolve } from "node:path";
import type { Bed } from "../bed/bed.ts";
import { Daemon } from "../bed/daemon.ts";

/** A request as it is sent. */
export interface RelayedRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** It is sent once those of earlier turns have been answered; 0 if not given. */
  readonly turn?: number | undefined;
}

/** What was answered to it. */
export interface RelayedAnswer {
  readonly status: number;
  readonly body: string;
}

/** A running one. */
export class Relay {
  readonly #daemon: Daemon;
  readonly #socket: string;
  readonly #base: string;

  /** `base`: the server that requests are sent to, without a path. */
  constructor(bed: Bed, base: string) {
    const socket = `${bed.folder("relay")}/socket`;
    this.#daemon = new Daemon(
      bed,
      `node ${resolve(import.meta.dirname, "ask.mjs")} --at ${socket}`,
    );
    this.#socket = bed.path(socket);
    this.#base = base;
  }

  /** Sends requests, and returns their answers in the same order. */
  async ask(requests: readonly RelayedRequest[]): Promise<readonly RelayedAnswer[]> {
    const question = JSON.stringify({ base: this.#base, requests });
    let text: string | undefined;
    await this.#daemon.until("an answer of the relay", async () => {
      text = await talk(this.#socket, question);
      return text !== undefined;
    });
    const answers = JSON.parse(text ?? "") as readonly RelayedAnswer[] | { readonly error: string };
    if ("error" in answers) throw new Error(`Cannot ask ${this.#base}: ${answers.error}`);
    return answers;
  }
}

/** What is answered at a Unix socket to a question, or without one; undefined if nobody listens there. */
export function talk(path: string, question?: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path, allowHalfOpen: true });
    let text = "";
    let isAsked = false;
    socket.on("connect", () => {
      if (question === undefined) return;
      isAsked = true;
      socket.end(question);
    });
    socket.on("data", (data) => {
      text += String(data);
    });
    socket.on("error", (error) => (isAsked ? reject(error) : resolve(undefined)));
    socket.on("end", () => {
      socket.destroy();
      resolve(text);
    });
  });
}
