/**
 * A program that stands in for the API server of Kubernetes. It answers as kube-model.ts and kube-objects.ts do;
 * POST /test calls a method of that, or sets what it has: {"call": "put", "args": [...]}.
 *
 *   node stand-in-server ADDRESS PORT
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type Json, KubeModel } from "./kube-model.ts";
import { KubeObjects } from "./kube-objects.ts";
import { codingFor } from "./kube-protobuf.ts";

const [address = "", port = ""] = process.argv.slice(2);
const model = new KubeModel();
const objects = new KubeObjects();
/** How many of the next requests get this in place of an answer, as it is. */
let broken: { count: number; text: string } = { count: 0, text: "" };

/** Whether it has Protocol Buffers, as the API server has; else it has JSON only. */
let hasProtobuf = true;

interface Call {
  readonly call: string;
  readonly args: readonly unknown[];
}

const calls: Record<string, (...args: never[]) => unknown> = {
  put: (name: string, podCIDRs: string[], annotations: { [key: string]: unknown }) =>
    model.put(name, podCIDRs, annotations),
  annotate: (name: string, annotations: { [key: string]: unknown }) =>
    model.annotate(name, annotations),
  remove: (name: string) => model.remove(name),
  forget: (versions = 1) => {
    for (let i = 0; i < versions; i++) model.forget();
  },
  bookmark: () => model.bookmark(),
  endWatches: () => model.endWatches(),
  send: (line: string) => model.send(line),
  sendAll: () => {
    model.ignoresLimit = true;
  },
  speakJson: () => {
    hasProtobuf = false;
  },
  rights: (rights: Readonly<Record<string, string[]>>) => {
    model.rights = new Map(Object.entries(rights).map(([token, list]) => [token, new Set(list)]));
  },
  breakNext: (count: number, text: string) => {
    broken = { count, text };
  },
  change: (set: Json[], unset: Json[], last: Json[]) => objects.change(set, unset, last),
  replay: () => objects.replay(),
  endObjectWatches: () => objects.endWatches(),
  nodes: () => Object.fromEntries(model.nodes),
  requests: () => model.requests,
  watchers: () => model.watchers,
};

function answer(request: IncomingMessage, response: ServerResponse, body: string): void {
  const { method = "", url = "", headers } = request;
  if (url === "/test") {
    const { call, args } = JSON.parse(body) as Call;
    response.end(JSON.stringify(calls[call]?.(...(args as never[])) ?? null));
  } else if (broken.count > 0) {
    broken.count--;
    response.socket?.end(broken.text);
  } else {
    const token = headers.authorization?.replace("Bearer ", "");
    const type = headers["content-type"];
    const { accept } = headers;
    const asked = { method, path: url, token, type, accept, body };
    const ofObjects = objects.answer(asked);
    const { status, body: text, watch } = ofObjects ?? model.answer(asked);
    const coding = codingFor(accept, hasProtobuf);
    response.writeHead(status, { "Content-Type": coding.type });
    if (!watch) response.end(coding.body(text));
    else {
      response.flushHeaders();
      const stop = watch(
        (line) => response.write(coding.event(line)),
        () => response.end(),
      );
      response.on("close", stop);
    }
  }
}

createServer((request, response) => {
  let body = "";
  request.on("data", (data) => {
    body += String(data);
  });
  request.on("end", () => answer(request, response, body));
}).listen(Number(port), address);
