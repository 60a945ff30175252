/**
 * HTTP/1.1 for few who ask little: GET and HEAD, one question a connection. What is asked is small,
 * and so is the time for it; who does otherwise is refused, and nobody is waited for.
 */

import type { Clock } from "../host/clock.ts";
import type { AcceptedStream, Serve } from "../host/tcp-listener.ts";
import { encodeText } from "../host/text.ts";

/** What is answered. */
export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Answers a path, which has no query; undefined: there is nothing of that name. */
export type Respond = (path: string) => Reply | undefined;

/** Bytes of a question's head, and milliseconds for all of a connection. */
const MOST = 8192;
const WITHIN = 10_000;

/** Serves connections as a listener hands them over (listenTcp). */
export function httpService(clock: Clock, respond: Respond): Serve {
  return (stream) => {
    const cancel = clock.after(WITHIN, () => stream.close());
    let head = "";
    let isAnswered = false;
    const answer = (text: string) => {
      isAnswered = true;
      send(stream, text);
    };
    return {
      onData(bytes) {
        if (isAnswered) return;
        head += latin1(bytes);
        const end = /\r?\n\r?\n/.exec(head);
        if (end && end.index <= MOST) answer(answerTo(head.slice(0, end.index), respond));
        else if (head.length > MOST) answer(format(plain(431, "the question is too long"), "GET"));
      },
      onEnd: cancel,
    };
  };
}

function send(stream: AcceptedStream, text: string): void {
  stream.send(encodeText(text));
  stream.finish();
}

/** The head of a question is bytes; only letters of ASCII mean anything. */
function latin1(bytes: Uint8Array): string {
  return bytes.subarray(0, MOST + 4).reduce((text, byte) => text + String.fromCharCode(byte), "");
}

function answerTo(head: string, respond: Respond): string {
  const [line = "", ...headers] = head.split(/\r?\n/);
  const [, method = "", target = "", version] =
    /^([A-Z]+) (\/[!-~]*) HTTP\/1\.([01])$/.exec(line) ?? [];
  const areHeaders = headers.every((each) => /^[!#$%&'*+.^_`|~\w-]+:/.test(each));
  const isNamed = version === "0" || headers.some((each) => /^host:/i.test(each));
  if (version === undefined || !areHeaders || !isNamed) {
    return format(plain(400, "this is no question of HTTP/1.1"), "GET");
  }
  if (method !== "GET" && method !== "HEAD") {
    return format(plain(405, "only GET and HEAD are answered"), method);
  }
  const path = target.replace(/[?#].*/, "");
  return format(respond(path) ?? plain(404, "there is nothing of that name"), method);
}

function plain(status: number, words: string): Reply {
  return { status, type: "text/plain; charset=utf-8", body: `${words}\n` };
}

const reasons: { readonly [status: number]: string } = {
  200: "OK",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  431: "Request Header Fields Too Large",
  503: "Service Unavailable",
};

function format({ status, type, body }: Reply, method: string): string {
  const lines = [
    `HTTP/1.1 ${status} ${reasons[status] ?? "Unknown"}`,
    `Content-Type: ${type}`,
    `Content-Length: ${encodeText(body).length}`,
    ...(status === 405 ? ["Allow: GET, HEAD"] : []),
    "Cache-Control: no-store",
    "X-Content-Type-Options: nosniff",
    "Connection: close",
  ];
  return `${lines.join("\r\n")}\r\n\r\n${method === "HEAD" ? "" : body}`;
}
