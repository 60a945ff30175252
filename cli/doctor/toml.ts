/**
 * TOML as far as configurations of container runtimes use it: tables, arrays of tables, dotted and
 * quoted keys, texts of all four kinds, numbers, switches, arrays and inline tables. Times are read
 * as the texts they are. Nothing of it is run or looked up: a text becomes a value, or an error.
 */

/** What a key has. */
export type TomlValue = string | number | boolean | readonly TomlValue[] | TomlTable;

export interface TomlTable {
  readonly [key: string]: TomlValue;
}

/** A text that is no TOML: what is wrong, and in which line. */
export class TomlError extends Error {
  constructor(state: string, line: number) {
    super(`line ${line}: ${state}`);
    this.name = "TomlError";
  }
}

/** The table that a text says; throws TomlError. */
export function parseToml(text: string): TomlTable {
  const input = new Input(text);
  const root = newTable();
  let table = root;
  for (input.skipLines(); !input.isAtEnd; input.skipLines()) {
    if (input.takes("[[")) table = addElement(input, root);
    else if (input.takes("[")) table = openTable(input, root);
    else readPair(input, table);
    input.endLine();
  }
  return root;
}

/** What lies at a path of keys; undefined if there is nothing. */
export function valueAt(table: TomlTable, ...path: readonly string[]): TomlValue | undefined {
  let value: TomlValue | undefined = table;
  for (const key of path)
    value = isTable(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value;
}

/** True for a table. */
export function isTable(value: TomlValue | undefined): value is TomlTable {
  return typeof value === "object" && !Array.isArray(value);
}

/* ---- tables and pairs ---- */

interface Table {
  [key: string]: Value;
}
type Value = string | number | boolean | Value[] | Table;

function newTable(): Table {
  return Object.create(null) as Table;
}

/** `[a.b]` */
function openTable(input: Input, root: Table): Table {
  const path = readKey(input);
  input.expect("]");
  return descend(input, root, path);
}

/** `[[a.b]]` */
function addElement(input: Input, root: Table): Table {
  const path = readKey(input);
  input.expect("]]");
  const last = path.pop() ?? "";
  const parent = descend(input, root, path);
  parent[last] ??= [];
  const list = parent[last];
  if (!Array.isArray(list)) throw input.fault(`"${last}" is no array of tables`);
  const table = newTable();
  list.push(table);
  return table;
}

/** The table at a path, made where it is not there; in an array of tables its last one. */
function descend(input: Input, from: Table, path: readonly string[]): Table {
  let table = from;
  for (const key of path) {
    table[key] ??= newTable();
    const found = table[key];
    const next = Array.isArray(found) ? found.at(-1) : found;
    if (typeof next !== "object" || Array.isArray(next)) throw input.fault(`"${key}" is no table`);
    table = next;
  }
  return table;
}

/** `a.b = value` */
function readPair(input: Input, table: Table): void {
  const path = readKey(input);
  input.expect("=");
  const last = path.pop() ?? "";
  const parent = descend(input, table, path);
  if (last in parent) throw input.fault(`"${last}" is there twice`);
  parent[last] = readValue(input);
}

function readKey(input: Input): string[] {
  const path: string[] = [];
  do {
    input.skipBlanks();
    path.push(readText(input) ?? input.match(/[A-Za-z0-9_-]+/y, "a key"));
    input.skipBlanks();
  } while (input.takes("."));
  return path;
}

/* ---- values ---- */

function readValue(input: Input): Value {
  input.skipBlanks();
  if (input.takes("[")) return readArray(input);
  if (input.takes("{")) return readInlineTable(input);
  return readText(input) ?? plain(input.match(/[^\s,\]}#]+(?: \d\d:[^\s,\]}#]+)?/y, "a value"));
}

function readArray(input: Input): Value[] {
  const values: Value[] = [];
  for (input.skipLines(); !input.takes("]"); input.skipLines()) {
    values.push(readValue(input));
    input.skipLines();
    if (input.takes(",")) continue;
    input.expect("]");
    break;
  }
  return values;
}

function readInlineTable(input: Input): Table {
  const table = newTable();
  for (input.skipLines(); !input.takes("}"); input.skipLines()) {
    readPair(input, table);
    input.skipLines();
    if (input.takes(",")) continue;
    input.expect("}");
    break;
  }
  return table;
}

/** A switch or a number; what is neither, such as a time, stays a text. */
function plain(word: string): Value {
  if (word === "true" || word === "false") return word === "true";
  const digits = word.replaceAll("_", "").replace(/^\+/, "");
  const isNumber = /^-?(0x[\da-f]+|0o[0-7]+|0b[01]+|\d+(\.\d+)?(e[+-]?\d+)?)$/i.test(digits);
  return isNumber ? Number(digits) : word;
}

/* ---- texts ---- */

/** A text in whichever quotation marks; undefined if there is none here. */
function readText(input: Input): string | undefined {
  if (input.takes('"""')) return unescaped(input, input.until('"""', true).replace(/^\r?\n/, ""));
  if (input.takes("'''")) return input.until("'''", false).replace(/^\r?\n/, "");
  if (input.takes('"')) return unescaped(input, oneLine(input, input.until('"', true)));
  if (input.takes("'")) return oneLine(input, input.until("'", false));
  return undefined;
}

function oneLine(input: Input, text: string): string {
  if (text.includes("\n")) throw input.fault("a text does not end in its line");
  return text;
}

const ESCAPES: { readonly [letter: string]: string } = {
  ...{ b: "\b", t: "\t", n: "\n", f: "\f", r: "\r", e: "\x1b", '"': '"', "\\": "\\" },
};

function unescaped(input: Input, text: string): string {
  const written = /\\(?:[ \t\r]*\n\s*|u[\dA-Fa-f]{4}|U[\dA-Fa-f]{8}|[\s\S])/g;
  return text.replace(written, (mark) => {
    const letter = mark[1] ?? "";
    if (/\s/.test(letter) && mark.includes("\n")) return "";
    const code = /^[uU]./.test(mark.slice(1)) ? Number.parseInt(mark.slice(2), 16) : -1;
    if (code >= 0 && code <= 0x10ffff) return String.fromCodePoint(code);
    const meant = ESCAPES[letter];
    if (meant === undefined) throw input.fault(`"${mark}" means nothing`);
    return meant;
  });
}

/* ---- the text, and how far it is read ---- */

class Input {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  fault(state: string): TomlError {
    return new TomlError(state, this.#text.slice(0, this.#at).split("\n").length);
  }

  /** True if these letters are next, which are behind it then. */
  takes(letters: string): boolean {
    if (!this.#text.startsWith(letters, this.#at)) return false;
    this.#at += letters.length;
    return true;
  }

  expect(letters: string): void {
    this.skipBlanks();
    if (!this.takes(letters)) throw this.fault(`expected "${letters}"`);
  }

  /** What a sticky pattern finds here. */
  match(pattern: RegExp, what: string): string {
    pattern.lastIndex = this.#at;
    const [found = ""] = pattern.exec(this.#text) ?? [];
    if (found === "") throw this.fault(`expected ${what}`);
    this.#at += found.length;
    return found;
  }

  /** All up to a mark, which is left behind; a backslash may keep a letter from ending it. */
  until(mark: string, hasEscapes: boolean): string {
    const start = this.#at;
    let end = start;
    while (!this.#text.startsWith(mark, end)) {
      if (end >= this.#text.length) throw this.fault("a text does not end");
      end += hasEscapes && this.#text[end] === "\\" ? 2 : 1;
    }
    if (mark.length === 3) while (this.#text[end + 3] === mark[0]) end++;
    this.#at = end + mark.length;
    return this.#text.slice(start, end);
  }

  skipBlanks(): void {
    this.#skip(/[ \t]*/y);
  }

  /** Blanks, ends of lines, and comments. */
  skipLines(): void {
    do this.#skip(/\s*/y);
    while (this.#skip(/#[^\n]*/y));
  }

  endLine(): void {
    this.#skip(/[ \t]*(?:#[^\n]*)?/y);
    if (!this.isAtEnd && !this.takes("\n") && !this.takes("\r\n")) {
      throw this.fault("expected the end of the line");
    }
  }

  /** True if the pattern found anything. */
  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    const length = pattern.exec(this.#text)?.[0].length ?? 0;
    this.#at += length;
    return length > 0;
  }
}
