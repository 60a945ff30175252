/**
 * Where a text stops being JSON (RFC 8259), and what whoever wrote it most likely meant. The
 * engine's own words name neither line nor cause.
 */

import { encodingFault } from "./encoding-fault.ts";

/** The first fault, `line 3, column 5: …`, of a text or of bytes that are none; undefined if it is JSON. */
export function jsonFault(text: string | Uint8Array): string | undefined {
  if (typeof text !== "string") return encodingFault(text);
  if (text.trim() === "") return text === "" ? "it is empty" : "it is empty but for blanks";
  const fault = new Reader(text).findFault();
  return fault && `${placeOf(text, fault.at)}: ${fault.state}`;
}

/** Lines and columns are counted from 1, columns in characters, as editors do. */
function placeOf(text: string, at: number): string {
  const before = text.slice(0, at);
  const line = 1 + (before.match(/\n/g)?.length ?? 0);
  const start = before.lastIndexOf("\n") + 1;
  const pairs = before.slice(start).match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0;
  return `line ${line}, column ${at - start - pairs + 1}`;
}

interface Fault {
  readonly at: number;
  readonly state: string;
}

/** What may come next. */
type Expected = "value" | "first value" | "key" | "first key" | "colon" | "comma" | "end";

/** Nesting at which the stack of the engine has surely ended. */
const DEEPEST = 20_000;

const escapes = /^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/;
/** A configuration has fewer: whoever sends more waits for no better answer. */
const MOST_TOKENS = 200_000;

/** Longer ones than this nobody writes; the engine's expressions take memory for each character. */
const LONGEST_WORD = 400;

const blanks = " \t\r\n";
const ordinary = '{}[],:"-0123456789tfn';
const literal =
  /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?=[\s,:;{}[\]"'#]|$)/;
const curlyQuotes = "\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb\u2033\u2032`";

/** Reads tokens one after the other; deep nesting takes no stack. */
class Reader {
  readonly #text: string;
  /** Where the brackets are that are open, the innermost last. */
  readonly #open: number[] = [];
  #at = 0;
  #comma = 0;
  /** Where the last value or key ended. */
  #end = 0;
  #expected: Expected = "value";

  constructor(text: string) {
    this.#text = text;
  }

  findFault(): Fault | undefined {
    for (let tokens = 0; tokens < MOST_TOKENS; tokens++) {
      while (this.#isAtBlank()) this.#at++;
      if (this.#at >= this.#text.length) return this.#ended();
      const fault = this.#step();
      if (fault) return fault;
    }
    return this.#fault("it is no JSON somewhere behind this place");
  }

  #isAtBlank(): boolean {
    return this.#at < this.#text.length && blanks.includes(this.#text.charAt(this.#at));
  }

  /** The innermost bracket that is open; "" if none is. */
  get #bracket(): string {
    return this.#text.charAt(this.#open.at(-1) ?? this.#text.length);
  }

  /** The innermost bracket that is open, with its place. */
  get #opened(): string {
    return `the ${this.#bracket} of ${this.#place(this.#open.at(-1) ?? 0)}`;
  }

  #fault(state: string, at = this.#at): Fault {
    return { at, state };
  }

  #place(at: number): string {
    return placeOf(this.#text, at);
  }

  /** The text is over: rightly, or in the middle of something. */
  #ended(): Fault | undefined {
    if (this.#expected === "end") return undefined;
    const state = `the text ends here, but ${this.#opened} is not closed`;
    return this.#fault(state, this.#text.trimEnd().length);
  }

  #step(): Fault | undefined {
    const next = this.#text.charAt(this.#at);
    if (!ordinary.includes(next)) {
      const strange = this.#strange(next);
      if (strange !== undefined) return this.#fault(strange);
    }
    switch (this.#expected) {
      case "end":
        return this.#fault(`there is more after the end of the JSON text: ${this.#shown()}`);
      case "colon":
        return this.#colon(next);
      case "comma":
        return this.#commaOrEnd(next);
      case "key":
      case "first key":
        return this.#key(next);
      default:
        return this.#value(next);
    }
  }

  /** What JSON has nowhere, or not outside of texts. */
  #strange(next: string): string | undefined {
    const two = this.#text.slice(this.#at, this.#at + 2);
    if (next === "\ufeff") {
      return "a byte order mark (BOM): save the file as UTF-8 without one";
    }
    if (next === "#" || two === "//" || two === "/*") return "a comment, which JSON does not have";
    if (next === "'") return "a single quotation mark: JSON has double ones only";
    if (curlyQuotes.includes(next)) return `the quotation mark ${next}: JSON has " only`;
    if (next === "\0") return "a NUL character: is this UTF-16, or no text at all?";
    if (/[\s\u200b\u2060]/.test(next)) return `a blank that JSON does not have, ${codeOf(next)}`;
    if (/\p{Cc}/u.test(next)) return `the control character ${codeOf(next)}`;
    return undefined;
  }

  #colon(next: string): Fault | undefined {
    if (next !== ":") {
      if (next === "=") return this.#fault("= between key and value: JSON has a colon there");
      return this.#fault("a colon is missing after the key", this.#end);
    }
    this.#expected = "value";
    this.#at++;
    return undefined;
  }

  #commaOrEnd(next: string): Fault | undefined {
    if (next === "}" || next === "]") return this.#close(next);
    if (next === ",") {
      this.#comma = this.#at++;
      this.#expected = this.#bracket === "{" ? "key" : "value";
      return undefined;
    }
    if (next === ";") return this.#fault("a semicolon: JSON has a comma there");
    if (next === ":") return this.#fault("a colon where a comma or the end is expected");
    return this.#fault(`a comma is missing before ${this.#shown()}`, this.#end);
  }

  #close(next: "}" | "]"): Fault | undefined {
    const wanted = this.#bracket === "[" ? "]" : "}";
    if (next !== wanted) {
      return this.#fault(`${next} where ${wanted} is expected, which closes ${this.#opened}`);
    }
    this.#open.pop();
    this.#at++;
    this.#valueEnded();
    return undefined;
  }

  #valueEnded(): void {
    this.#end = this.#at;
    this.#expected = this.#open.length > 0 ? "comma" : "end";
  }

  #key(next: string): Fault | undefined {
    if (next === '"') {
      const fault = this.#string();
      this.#end = this.#at;
      this.#expected = "colon";
      return fault;
    }
    if (next === "}" || next === "]") return this.#closeEarly(next);
    if (next === ",") return this.#fault("a comma too many");
    if (/[a-z_$\u0080-\uffff]/i.test(next))
      return this.#fault(`a key without quotation marks: ${this.#shown()}`);
    return this.#fault(`a key in double quotation marks is expected, not ${this.#shown()}`);
  }

  /** A closing bracket where something is expected: right after the opening one, it is fine. */
  #closeEarly(next: "}" | "]"): Fault | undefined {
    const isFirst = this.#expected.startsWith("first");
    const isAfterComma = this.#comma >= this.#end && this.#comma > 0;
    if (isFirst) return this.#close(next);
    if (isAfterComma) return this.#fault(`a comma before ${next}, after the last one`, this.#comma);
    return this.#fault(`${next} where a value is expected`);
  }

  #value(next: string): Fault | undefined {
    switch (next) {
      case '"': {
        const fault = this.#string();
        this.#valueEnded();
        return fault;
      }
      case "{":
      case "[":
        if (this.#open.push(this.#at++) > DEEPEST) return this.#fault("it is nested too deeply");
        this.#expected = next === "{" ? "first key" : "first value";
        return undefined;
      case "}":
      case "]":
        return this.#closeEarly(next);
      case ",":
        return this.#fault("a comma where a value is expected");
      default:
        return this.#word();
    }
  }

  /** A number, true, false or null; what else stands there without quotation marks is a fault. */
  #word(): Fault | undefined {
    const ahead = this.#text.slice(this.#at, this.#at + LONGEST_WORD);
    const known = literal.exec(ahead)?.[0];
    if (known !== undefined) {
      this.#at += known.length;
      this.#valueEnded();
      return undefined;
    }
    const word = /^[^\s,:;{}[\]"'#]*/.exec(ahead)?.[0] ?? "";
    if (/^(?:true|false|null)$/i.test(word)) {
      return this.#fault(`${word}: JSON writes ${word.toLowerCase()}`);
    }
    if (word === "None") return this.#fault("None: JSON writes null");
    if (/^[-+.]?\d/.test(word)) return this.#fault(`${brief(word)} is no number of JSON`);
    if (this.#open.length === 0) {
      return this.#fault(`the text begins with ${this.#shown()}, a configuration with {`);
    }
    return this.#fault(`a value without quotation marks: ${this.#shown()}`);
  }

  /** Moves behind a text in quotation marks. */
  #string(): Fault | undefined {
    const start = this.#at++;
    const special = /["\\\p{Cc}]/gu;
    for (;;) {
      special.lastIndex = this.#at;
      const found = special.exec(this.#text);
      this.#at = found?.index ?? this.#text.length;
      const character = found?.[0];
      if (character === '"') {
        this.#at++;
        return undefined;
      }
      if (character === undefined || character === "\n" || character === "\r") {
        const where = character === undefined ? "the text ends here" : "the line ends here";
        const state = `${where}, but the quotation mark of ${this.#place(start)} is not closed`;
        return this.#fault(state);
      }
      const fault = character === "\\" ? this.#escape() : this.#control(character);
      if (fault) return fault;
    }
  }

  #escape(): Fault | undefined {
    const found = escapes.exec(this.#text.slice(this.#at, this.#at + 6))?.[0];
    if (found === undefined) {
      const state = `${brief(this.#text.slice(this.#at, this.#at + 2))} is no escape of JSON: a backslash is written \\\\`;
      return this.#fault(state);
    }
    this.#at += found.length;
    return undefined;
  }

  /** U+007F to U+009F are characters like others for JSON. */
  #control(character: string): Fault | undefined {
    if (character > "\x1f") {
      this.#at++;
      return undefined;
    }
    if (character === "\t") return this.#fault("a tab within a text: write \\t");
    return this.#fault(`the control character ${codeOf(character)} within a text`);
  }

  /** What stands here, as far as a sentence has room for it. */
  #shown(): string {
    const rest = this.#text.slice(this.#at, this.#at + 100);
    return brief(/^(?:"[^"\n]*"?|[\w$.\u0080-\uffff-]+|.)/.exec(rest)?.[0] ?? "");
  }
}

function brief(text: string): string {
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}

function codeOf(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}
