/** A stand-in plugin: a shell script that notes how it is called and answers as told. */
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { pathInBed } from "./paths.ts";

/** What the stand-in does for one command. */
export interface Answer {
  readonly stdout?: unknown;
  readonly stderr?: string;
  readonly exitCode?: number;
}

/** One call of the stand-in. */
export interface RecordedCall {
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
  readonly sha256: string;
}

const script = `#!/bin/sh
PATH=${pathInBed}
notes=$0.notes
number=$(ls "$notes" | grep -c env)
env >"$notes/$number.env"
cat >"$notes/$number.stdin"
answer=$0.answers/$CNI_COMMAND
[ -e "$answer.sh" ] && . "$answer.sh"
exit 0
`;

/** A stand-in plugin as its test sees it. */
export class Recorder {
  readonly #file: string;

  /** Writes the stand-in `name` into `folder`. */
  constructor(folder: string, name: string) {
    this.#file = `${folder}/${name}`;
    mkdirSync(`${this.#file}.notes`, { recursive: true });
    mkdirSync(`${this.#file}.answers`);
    writeFileSync(this.#file, script);
    chmodSync(this.#file, 0o755);
  }

  /** From now on, `command` is answered so: text as it is, anything else as JSON. */
  answer(command: string, { stdout = "", stderr = "", exitCode = 0 }: Answer): void {
    const text = typeof stdout === "string" ? stdout : JSON.stringify(stdout);
    const lines = [
      `printf %s ${quote(text)}`,
      `printf %s ${quote(stderr)} >&2`,
      `exit ${exitCode}`,
    ];
    this.script(command, lines.join("\n"));
  }

  /** From now on, `command` runs these shell lines. */
  script(command: string, lines: string): void {
    writeFileSync(`${this.#file}.answers/${command}.sh`, lines);
  }

  /** All calls so far, oldest first. */
  get calls(): readonly RecordedCall[] {
    const notes = `${this.#file}.notes`;
    const count = readdirSync(notes).filter((name) => name.endsWith(".env")).length;
    return Array.from({ length: count }, (_, number) => recordedCall(`${notes}/${number}`));
  }

  /** The commands of all calls so far. */
  get commands(): readonly string[] {
    return this.calls.map(({ command }) => command);
  }
}

function recordedCall(file: string): RecordedCall {
  const lines = readFileSync(`${file}.env`, "utf8").trim().split("\n");
  const env = Object.fromEntries(lines.map(splitAtEquals));
  const stdin = readFileSync(`${file}.stdin`);
  const sha256 = createHash("sha256").update(stdin).digest("hex");
  return { command: env.CNI_COMMAND ?? "", env, stdin: `${stdin}`, sha256 };
}

function splitAtEquals(line: string): readonly [string, string] {
  const at = line.indexOf("=");
  return [line.slice(0, at), line.slice(at + 1)];
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
