/** What the daemon reads and answers: nothing is assumed of it, although only root can ask. */

import type { Attachment } from "../../lib/cni/call.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import { isObject, type Json, type JsonObject } from "../../lib/cni/json.ts";
import type { EventLoop } from "../../lib/host/epoll.ts";
import { LineServer } from "../../lib/host/line-server.ts";
import { type AddQuestion, type Answer, LONGEST_LINE, type Question } from "./messages.ts";

/** As many containers ask at once; further ones wait in line. */
const MOST_CONNECTIONS = 400;

/** What becomes of a question: `answer` may be called later; returns what to do if the client leaves. */
export type Serve = (question: Question, answer: (answer: Answer) => void) => () => void;

/** Serves whoever connects and is root; what is no question is answered by an error. */
export function serveQuestions(loop: EventLoop, listener: number, serve: Serve): void {
  new LineServer(loop, listener, {
    mostConnections: MOST_CONNECTIONS,
    longestLine: LONGEST_LINE,
    serve: (line, answer) => {
      const say = (given: Answer) => answer(JSON.stringify(given));
      try {
        return serve(parseQuestion(line), say);
      } catch (cause) {
        say(errorAnswer(cause));
        return () => undefined;
      }
    },
  });
}

/** An error as an answer. */
export function errorAnswer(cause: unknown): Answer {
  const { code, message, details } = CniError.from(cause);
  return { error: { code, message, details } };
}

/** A question from a line; throws CniError if it is none. */
export function parseQuestion(line: string): Question {
  const json = parsed(line);
  const { command } = json;
  switch (command) {
    case "ADD":
      return parseAdd(json);
    case "CHECK":
    case "DEL":
      return { command, attachment: parseAttachment(json.attachment) };
    case "GC":
      if (!Array.isArray(json.valid)) throw unreadable("valid");
      return { command, network: textIn(json, "network"), valid: json.valid.map(parseAttachment) };
    case "STATUS":
      return { command };
    default:
      throw unreadable("command");
  }
}

function parsed(line: string): JsonObject {
  try {
    const json: unknown = JSON.parse(line);
    if (isObject(json)) return json;
  } catch {
    // said below
  }
  throw unreadable("JSON");
}

/** The question of an ADD, or what is recorded of one. */
export function parseAdd(json: JsonObject): AddQuestion {
  const { attachment, config, within } = json;
  if (!isObject(config)) throw unreadable("config");
  return {
    command: "ADD",
    attachment: parseAttachment(attachment),
    netns: textIn(json, "netns"),
    args: textIn(json, "args"),
    config,
    within: typeof within === "number" ? within : 0,
  };
}

function parseAttachment(json: Json | undefined): Attachment {
  if (!isObject(json)) throw unreadable("attachment");
  return {
    network: textIn(json, "network"),
    containerID: textIn(json, "containerID"),
    ifName: textIn(json, "ifName"),
  };
}

function textIn(json: JsonObject, key: string): string {
  const value = json[key];
  if (typeof value !== "string") throw unreadable(key);
  return value;
}

function unreadable(what: string): CniError {
  return new CniError(Code.decode, `Cannot read what the dhcp daemon is asked: no ${what} in it`);
}
