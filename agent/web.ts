/** What others ask of the agent by HTTP: /healthz and /readyz as flanneld has them, and /metrics. */

import * as host from "host";
import type { EventLoop } from "../lib/host/epoll.ts";
import { Failure } from "../lib/host/failure.ts";
import { readTextIfPresent } from "../lib/host/file.ts";
import { listenTcp } from "../lib/host/tcp-listener.ts";
import { httpService, type Reply } from "../lib/http/server.ts";
import type { IpAddress } from "../lib/ip/address.ts";
import type { Tell } from "./events.ts";
import type { Summary } from "./health.ts";
import { METRICS_TYPE, metricsText } from "./metrics.ts";

/** Where it listens, and what it tells. */
export interface Web {
  readonly endpoint: { readonly address: IpAddress; readonly port: number };
  readonly summary: () => Summary;
  readonly tell: Tell;
}

/** A predecessor that is about to end may still have the port. */
const RETRY = 5_000;

/** Answers until the function that it returns is called; what keeps it from that is told once. */
export function serveWeb(loop: EventLoop, web: Web): () => void {
  let stop = () => {};
  let told: string | undefined;
  const start = () => {
    try {
      stop = listenTcp(
        loop,
        web.endpoint,
        httpService(loop, (path) => answer(path, web.summary)),
      );
      if (told !== undefined) web.tell("recovered", told);
    } catch (cause) {
      if (!(cause instanceof Failure)) throw cause;
      if (told === undefined) web.tell("problem", `${cause.message}; it is tried again`);
      told ??= cause.message;
      stop = loop.after(RETRY, start);
    }
  };
  start();
  return () => stop();
}

/** What is answered to a path. */
export function answer(path: string, summary: () => Summary): Reply | undefined {
  if (path === "/healthz") return words(200, "the agent is running");
  if (path === "/readyz") {
    return summary().isReady
      ? words(200, "the agent is ready")
      : words(503, "the agent is not ready yet");
  }
  if (path !== "/metrics") return undefined;
  const body = metricsText(summary(), { now: host.realtime(), memory: ownMemory() });
  return { status: 200, type: METRICS_TYPE, body };
}

function words(status: number, text: string): Reply {
  return { status, type: "text/plain; charset=utf-8", body: `${text}\n` };
}

/** What proc(5) tells in units of 1024 bytes. */
function ownMemory(): number | undefined {
  const [, size] = /^VmRSS:\s+(\d+) kB$/m.exec(readTextIfPresent("/proc/self/status") ?? "") ?? [];
  return size === undefined ? undefined : Number(size) * 1024;
}
