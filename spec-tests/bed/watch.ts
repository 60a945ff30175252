/**
 * Ends what hangs, so that a run ends as well and its test fails. No time limit is needed for that,
 * which a busy machine would exceed: what counts is whether anything at all gets on, and how long a
 * single program computes.
 */
import { readdirSync, readFileSync } from "node:fs";

/** A process below the watched one. Times are in hundredths of a second on a core. */
interface Process {
  readonly pid: number;
  readonly name: string;
  readonly computed: number;
  /** With its children that have ended. */
  readonly computedInAll: number;
}

/** When something is taken to hang. */
export interface Limits {
  /** So many looks in turn found no progress… */
  readonly looks: number;
  /** …that is, less than so many hundredths of a second between them. */
  readonly progress: number;
  /** A single program computed for so many hundredths of a second. */
  readonly computed: number;
}

const SECONDS_BETWEEN_LOOKS = 30;
const usual: Limits = { looks: 20, progress: 20, computed: 30_000 };

/** Watches everything that a process has started, directly or not. */
export class Watch {
  readonly #pid: number;
  readonly #limits: Limits;
  #progressed = 0;
  #looksWithout = 0;

  constructor(pid: number, limits: Limits = usual) {
    this.#pid = pid;
    this.#limits = limits;
  }

  /** Looks once; what hangs is ended and told, one line each. */
  look(): readonly string[] {
    const all = descendants(this.#pid);
    const total = all.reduce((sum, { computedInAll }) => sum + computedInAll, 0);
    const hasProgress = Math.abs(total - this.#progressed) >= this.#limits.progress;
    this.#looksWithout = hasProgress ? 0 : this.#looksWithout + 1;
    if (hasProgress) this.#progressed = total;
    // The processes of the test runner itself have only waited.
    const programs = all.filter(({ name }) => !/^node|^vitest/.test(name));
    const isStuck = this.#looksWithout >= this.#limits.looks;
    const looping = programs.filter(({ computed }) => computed > this.#limits.computed);
    if (isStuck) this.#looksWithout = 0;
    return [
      ...looping.map((one) => end(one, "computes without end")),
      ...(isStuck ? programs.map((one) => end(one, "is there while nothing gets on")) : []),
    ];
  }
}

function end({ pid, name }: Process, why: string): string {
  const words = textOf(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
  return `watch: ended process ${pid} (${name}), which ${why}: ${words}`;
}

function descendants(root: number): readonly Process[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const all = pids.flatMap((pid) => processOf(Number(pid)));
  const found = new Set([root]);
  for (let size = 0; size !== found.size; ) {
    size = found.size;
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid);
  }
  return all.filter(({ pid }) => pid !== root && found.has(pid));
}

function processOf(pid: number): readonly (Process & { readonly parent: number })[] {
  const [, name = "", rest = ""] = /\((.*)\) (.*)/s.exec(textOf(`/proc/${pid}/stat`)) ?? [];
  if (rest === "") return [];
  const fields = rest.split(" ").map(Number);
  const [user = 0, system = 0, ofChildren = 0, systemOfChildren = 0] = fields.slice(11, 15);
  const computed = user + system;
  const computedInAll = computed + ofChildren + systemOfChildren;
  return [{ pid, name, parent: fields[1] ?? 0, computed, computedInAll }];
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

let timer: NodeJS.Timeout | undefined;

/** Watches the whole run. */
export function setup(): void {
  const watch = new Watch(process.pid);
  const look = () => {
    for (const line of watch.look()) console.error(line);
  };
  timer = setInterval(look, SECONDS_BETWEEN_LOOKS * 1000);
}

/** Ends the watching. */
export function teardown(): void {
  clearInterval(timer);
}
