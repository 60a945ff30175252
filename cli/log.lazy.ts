/** `weft log`: the log of calls, as a table. */

import * as host from "host";
import { NO_LOG } from "../lib/cni/defaults.ts";
import { isPlainName } from "../lib/cni/environment.ts";
import { CniError, oneLine } from "../lib/cni/error.ts";
import { findNodeFile } from "../lib/cni/node-file.ts";
import { closeFile, writeAll } from "../lib/host/file.ts";
import { descriptorStatus, fileStatus, isSameFile } from "../lib/host/file-status.ts";
import {
  type Entry,
  type Filter,
  heading,
  isMeant,
  milliseconds,
  parseEntry,
  rowOf,
  stepsOf,
} from "./log/entry.ts";
import { type LineReader, openAll, openLog } from "./log/lines.ts";

/** Exit statuses. */
const FINE = 0;
const FAULTY = 1;

/** So many of the slowest calls are shown. */
const SLOWEST = 20;

interface Wanted {
  readonly filter: Filter;
  readonly isSlow: boolean;
  readonly follows: boolean;
  readonly isJson: boolean;
  readonly file: string | undefined;
}

/** Shows the log; the exit status, or undefined for wrong words. */
export function run(words: readonly string[]): number | undefined {
  const wanted = parse(words);
  if (!wanted) return undefined;
  try {
    const file = wanted.file ?? usualFile();
    if (file === undefined) return fail(nowhere);
    const readers = openAll(file);
    if (readers.length === 0) return fail(`Cannot show "${file}": there is no such log yet`);
    const shown = new Output();
    show(readers, wanted, shown);
    if (wanted.follows) follow(file, { wanted, shown, reader: readers.at(-1) });
    return FINE;
  } catch (cause) {
    return cause instanceof Ended ? FINE : fail(CniError.from(cause).message);
  }
}

const nowhere =
  'no log is asked for: set WEFT_LOG for the runtime, or write {"log": "/var/log/weft.log"} into /etc/cni/weft.json';

function fail(state: string): number {
  host.write(2, host.encode(`${oneLine(`weft: ${state}`)}\n`));
  return FAULTY;
}

function usualFile(): string | undefined {
  const own = host.getenv("WEFT_LOG") ?? "";
  if (own === NO_LOG) return undefined;
  return own === "" ? findNodeFile()?.log?.file : own;
}

const FLAGS = ["--errors", "--slow", "--follow", "-f", "--json"];
const VALUES = ["--container", "--file"];

function parse(words: readonly string[]): Wanted | undefined {
  const flags: string[] = [];
  const values = new Map<string, string>();
  const names: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    const [, option = word, value] = /^(--\w+)=(.*)$/s.exec(word) ?? [];
    if (VALUES.includes(option)) values.set(option, value ?? words[++i] ?? "");
    else if (FLAGS.includes(word)) flags.push(word);
    else names.push(word);
  }
  const has = (...spellings: readonly string[]) => spellings.some((each) => flags.includes(each));
  const [isSlow, follows] = [has("--slow"), has("--follow", "-f")];
  const isWrong =
    names.length > 1 || !names.every(isPlainName) || [...values.values()].includes("");
  if (isWrong || (isSlow && follows)) return undefined;
  const container = values.get("--container") ?? "";
  const filter = { network: names[0], container, isFailed: has("--errors") };
  return { filter, isSlow, follows, isJson: has("--json"), file: values.get("--file") };
}

/* ---- showing ---- */

function show(readers: readonly LineReader[], wanted: Wanted, shown: Output): void {
  const slowest = new Slowest();
  let damaged = 0;
  if (!wanted.isJson) shown.say(heading);
  for (const reader of readers) {
    reader.read((line) => {
      const entry = parseEntry(line);
      if (!entry) damaged++;
      else if (!isMeant(entry, wanted.filter)) return;
      else if (wanted.isSlow) slowest.add(entry);
      else shown.say(wanted.isJson ? entry.line : rowOf(entry));
    });
  }
  for (const entry of slowest.entries) {
    shown.say(wanted.isJson ? entry.line : [rowOf(entry), ...stepsOf(entry)].join("\n"));
  }
  shown.flush();
  if (damaged > 0) fail(`${damaged} lines of the log are damaged, and left out`);
}

/** The slowest calls so far, the slowest first. */
class Slowest {
  readonly entries: Entry[] = [];

  add(entry: Entry): void {
    const ms = milliseconds(entry);
    const at = this.entries.findIndex((each) => milliseconds(each) < ms);
    if (at < 0) this.entries.push(entry);
    else this.entries.splice(at, 0, entry);
    this.entries.length = Math.min(this.entries.length, SLOWEST);
  }
}

interface Following {
  readonly wanted: Wanted;
  readonly shown: Output;
  readonly reader: LineReader | undefined;
}

/** How long a new line may wait to be shown, in milliseconds. */
const PAUSE = 200;

/** Shows what is written from now on, also after the log was moved; ends with its process or reader. */
function follow(file: string, { wanted, shown, reader: first }: Following): void {
  let reader = first;
  for (;;) {
    host.poll(new Int32Array(0), PAUSE);
    const now = fileStatus(file);
    const isMoved = reader && now && !isSameFile(now, descriptorStatus(reader.fd));
    reader?.read((line) => {
      const entry = parseEntry(line);
      if (!entry || !isMeant(entry, wanted.filter)) return;
      shown.say(wanted.isJson ? entry.line : rowOf(entry));
    });
    shown.flush();
    if (!isMoved) continue;
    if (reader) closeFile(reader.fd);
    reader = openLog(file);
  }
}

/** Nobody reads what is shown any more. */
class Ended extends Error {}

/** Lines for standard output, written many at once. */
class Output {
  #lines: string[] = [];
  #length = 0;

  say(line: string): void {
    this.#lines.push(line);
    this.#length += line.length;
    if (this.#length > 1 << 15) this.flush();
  }

  flush(): void {
    if (this.#lines.length === 0) return;
    const text = `${this.#lines.join("\n")}\n`;
    this.#lines = [];
    this.#length = 0;
    try {
      writeAll(1, host.encode(text), "stdout");
    } catch {
      throw new Ended();
    }
  }
}
