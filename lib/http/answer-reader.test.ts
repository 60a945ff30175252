/** Answers, read in any pieces, and whatever comes. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AnswerReader } from "./answer-reader.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** What a reader says of an answer that comes in pieces of these lengths. */
function read(text: string | Uint8Array, lengths: readonly number[] = [], isEnded = false) {
  const bytes = typeof text === "string" ? bytesOf(text) : text;
  const heard = { status: 0, isKept: false, body: "", isDone: false };
  const reader = new AnswerReader({
    onHead: ({ status, isKept }) => Object.assign(heard, { status, isKept }),
    onBody: (piece) => {
      heard.body += Buffer.from(piece).toString("latin1");
    },
    onDone: () => {
      heard.isDone = true;
    },
  });
  let fault: string | undefined;
  let at = 0;
  for (const length of [...lengths, Infinity]) {
    fault ??= reader.push(bytes.subarray(at, at + length));
    at += length;
  }
  if (isEnded) fault ??= reader.finish();
  return { ...heard, fault };
}

const head = (lines: string) => `HTTP/1.1 200 OK\r\n${lines}\r\n`;
const chunked = head("Transfer-Encoding: chunked\r\n");

describe("an answer", () => {
  it.each([
    ["with a length", `${head("Content-Length: 5\r\n")}hello`, "hello", true],
    ["of length 0", head("Content-Length: 0\r\n"), "", true],
    ["without a body", "HTTP/1.1 204 No Content\r\n\r\n", "", true],
    ["in chunks", `${chunked}2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n`, "hello", true],
    ["with a trailer", `${chunked}5\r\nhello\r\n0\r\nA: b\r\n\r\n`, "hello", true],
    ["that closes", `${head("Connection: close\r\nContent-Length: 5\r\n")}hello`, "hello", false],
    ["of HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", "hi", false],
    ["with bare line feeds", "HTTP/1.1 200\nContent-Length: 2\n\nhi", "hi", true],
    [
      "after 100 Continue",
      `HTTP/1.1 100 Continue\r\n\r\n${head("Content-Length: 1\r\n")}x`,
      "x",
      true,
    ],
    ["with one length twice", `${head("Content-Length: 1\r\nContent-Length: 1\r\n")}x`, "x", true],
  ])("%s is read, in any pieces", (_, text, body, isKept) => {
    const whole = { status: text.includes(" 204 ") ? 204 : 200, isKept, body, isDone: true };
    expect(read(text)).toEqual({ ...whole, fault: undefined });
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 })), (lengths) => {
        expect(read(text, lengths)).toEqual({ ...whole, fault: undefined });
      }),
    );
  });

  it("without a length ends with the connection", () => {
    expect(read(`${head("")}to the end`)).toMatchObject({ isDone: false, isKept: false });
    expect(read(`${head("")}to the end`, [], true)).toMatchObject({
      isDone: true,
      body: "to the end",
    });
  });

  it.each([
    ["SSH-2.0-OpenSSH\r\n\r\n", 'the answer is not HTTP/1.1: it begins with "SSH-2.0-OpenSSH"'],
    ["HTTP/2 200\r\n\r\n", 'the answer is not HTTP/1.1: it begins with "HTTP/2 200"'],
    ["\r\n\r\n", 'the answer is not HTTP/1.1: it begins with ""'],
    [head("no colon\r\n"), 'the answer has "no colon" among its headers'],
    [head("Content-Length: -1\r\n"), 'its length is "-1"'],
    [head("Content-Length: 1, 2\r\n"), 'its length is "1, 2"'],
    [head("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), "the answer says two lengths"],
    [head("Transfer-Encoding: gzip, chunked\r\n"), 'the answer is sent in "gzip, chunked"'],
    [head("Content-Encoding: gzip\r\n"), 'the answer is encoded, in "gzip"'],
    [`${chunked}xyz\r\n`, 'a chunk\'s length is "xyz"'],
    [`${chunked}ffffffffffff\r\n`, 'a chunk\'s length is "ffffffffffff"'],
    [`${chunked}1\r\nab\r\n`, "a chunk is longer than it says"],
    ["HTTP/1.1 101 Switching\r\n\r\n", "it switches to another protocol"],
    [`${head("Content-Length: 0\r\n")}x`, "more came than one answer"],
    [head("A: b\r\n".repeat(300)), "its headers do not end"],
    [`HTTP/1.1 200 ${"x".repeat(1e5)}`, "its headers do not end"],
    ["HTTP/1.1 100 Continue\r\n\r\n".repeat(1e4), "its headers do not end"],
    [`${chunked}0\r\n${"A: b\r\n".repeat(2e4)}`, "its headers do not end"],
  ])("of junk is refused (%#)", (text, fault) => {
    expect(read(text).fault).toBe(fault);
  });

  it("that breaks off is told from none", () => {
    expect(read("", [], true).fault).toBe("the connection ended without an answer");
    expect(read("HTTP/1.1 2", [], true).fault).toBe("the answer breaks off");
    expect(read(`${head("Content-Length: 3\r\n")}ab`, [], true).fault).toBe(
      "the answer breaks off",
    );
    expect(read(`${chunked}5\r\nhello\r\n`, [], true).fault).toBe("the answer breaks off");
  });

  it("of junk never makes it throw", () => {
    const near = fc.stringMatching(/^HTTP\/1\.1 200 OK\r\n([\w-]{1,9}: [\w, ]{0,9}\r\n){0,3}\r\n/);
    const junk = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(near, junk, fc.array(fc.nat(30)), (before, after, lengths) => {
        read(junk ? after : before, lengths, true);
        read(Buffer.concat([bytesOf(before), after]), lengths, true);
      }),
    );
  });
});
