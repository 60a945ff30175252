/** The image with what drives policies on the kernel's tables (tools/policy-driver.ts), and its runs. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface, type Interface } from "node:readline";

const root = resolve(import.meta.dirname, "../..");

/** What `make` builds with is not among the programs of tests. */
const makePath = `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`;

/** Builds it; `remove` takes it away. */
export function buildDriver(): { readonly program: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "weft-policy-driver-"));
  const places = { PATH: makePath, WEFT_DIST: `${folder}/dist` };
  const env = { ...process.env, ...places, WEFT_WITH: "tools/policy-driver.ts" };
  execFileSync(process.execPath, [join(root, "tools/build.mjs")], { env, stdio: "pipe" });
  const remove = () => rmSync(folder, { recursive: true, force: true });
  return { program: `${folder}/dist/bin/policy-driver`, remove };
}

/** What a step is answered by. */
export interface Answer {
  readonly value?: unknown;
  readonly error?: string;
}

/** A network namespace of its own, in which policies are driven. */
export class Driver {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(program: string) {
    const child = spawn("unshare", ["-n", program], { stdio: ["pipe", "pipe", "inherit"] });
    const lines: Interface = createInterface({ input: child.stdout });
    this.#child = child;
    this.#lines = lines[Symbol.asyncIterator]();
  }

  /** Takes a step; its name and what it takes are those of the driver. */
  async ask(step: object): Promise<Answer> {
    this.#child.stdin?.write(`${JSON.stringify(step)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`The driver has ended at ${JSON.stringify(step)}`);
    return JSON.parse(value) as Answer;
  }

  /** The value of a step that must not fail. */
  async take(step: object): Promise<unknown> {
    const { value, error } = await this.ask(step);
    if (error !== undefined) throw new Error(`${JSON.stringify(step)}: ${error}`);
    return value;
  }

  /** Runs a program in the namespace. */
  run(program: string, ...words: readonly string[]): string {
    const enter = ["-t", `${this.#child.pid}`, "-n", program, ...words];
    const options = { encoding: "utf8", maxBuffer: 1 << 28, stdio: "pipe" } as const;
    return execFileSync("nsenter", enter, options);
  }

  /** The table as `nft` shows it, in an order that does not depend on how it came to be. */
  table(): readonly string[] {
    const { nftables } = JSON.parse(this.run("nft", "-j", "list", "table", "inet", "weft-cluster"));
    const rules = new Map<string, number>();
    return (nftables as readonly Json[])
      .filter((each) => !("metainfo" in each))
      .map((each) => ordered(each, nextIn(rules, each.rule?.chain ?? "")))
      .sort();
  }

  async end(): Promise<void> {
    this.#child.stdin?.end();
    if (this.#child.exitCode === null) await once(this.#child, "exit");
  }
}

// biome-ignore lint/suspicious/noExplicitAny: what nft prints
type Json = any;

/** How many rules of a chain came before. */
function nextIn(rules: Map<string, number>, chain: string): number {
  const count = rules.get(chain) ?? 0;
  rules.set(chain, count + 1);
  return count;
}

/** An object without what is counted; rules are in the order of their chain, elements in any. */
function ordered(object: Json, index: number): string {
  const [[kind, { handle: _, elem, ...rest }]] = Object.entries<Json>(object) as [[string, Json]];
  const elements = elem?.map((each: Json) => text(each)).sort();
  const place = kind === "rule" ? String(index).padStart(6, "0") : "";
  return `${kind} ${rest.chain ?? rest.name} ${place} ${text({ ...rest, elements })}`;
}

function text(value: Json): string {
  return JSON.stringify(value, (key, part) => (["packets", "bytes"].includes(key) ? 0 : part));
}
