/** Runs an executable very often, and measures each run (runner.c). */
import { spawn } from "node:child_process";
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import type { Bed } from "./bed.ts";
import { inBed } from "./c-programs.ts";
import type { Ending } from "./outcome.ts";

/** What a process gets; variables may hold any bytes but NUL. */
export interface Job {
  readonly program: string;
  readonly stdin: Uint8Array;
  readonly env: readonly (readonly [name: string, value: string | Uint8Array])[];
}

/** How it ended, and what it needed. */
export interface Measured extends Ending {
  /** From its start to its end, without the time it waited for a free core. */
  readonly milliseconds: number;
  /** How long it computed. */
  readonly computing: number;
  /** How many times longer than on a quiet machine a fixed computation took after it; at least 1. */
  readonly slowness: number;
  /** The most memory it had at once. */
  readonly kilobytes: number;
}

/** Milliseconds that the runner's fixed computation takes on a quiet machine. */
const USUAL = 25;

const signals: { readonly [number: number]: string } = {
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL: it hung, or computed for a minute",
  11: "SIGSEGV",
};

/** One process in a bed that runs others in turn. */
export class Runner {
  readonly #requests: number;
  readonly #answers: number;

  constructor(bed: Bed) {
    const folder = bed.folder("runner");
    bed.host.sh(`mkfifo ${folder}/requests ${folder}/answers`);
    const script = `exec ${inBed("runner")} <${folder}/requests >${folder}/answers`;
    const [file = "", ...words] = bed.command(script);
    spawn(file, words, { stdio: ["ignore", "ignore", "inherit"] }).unref();
    this.#requests = openSync(bed.path(`${folder}/requests`), "w");
    this.#answers = openSync(bed.path(`${folder}/answers`), "r");
  }

  /** Runs one job to its end. */
  run({ program, stdin, env }: Job): Measured {
    const variables = env.map(([name, value]) =>
      Buffer.concat([Buffer.from(`${name}=`), Buffer.from(value)]),
    );
    this.#write([Buffer.from(program), stdin, ...variables]);
    const [total = 0, waited = 0, computing = 0, calibration = 0, kilobytes = 0, status = 0] =
      this.#readNumbers(6);
    const isExit = (status & 0x7f) === 0;
    return {
      milliseconds: (total - waited) / 1e6,
      computing: computing / 1e6,
      slowness: Math.max(1, calibration / 1e6 / USUAL),
      kilobytes,
      exitCode: isExit ? status >> 8 : null,
      signal: isExit ? null : (signals[status & 0x7f] ?? `signal ${status & 0x7f}`),
      stdout: `${this.#readBlock()}`,
      stderr: `${this.#readBlock()}`,
    };
  }

  /** Ends the process. */
  dispose(): void {
    closeSync(this.#requests);
    closeSync(this.#answers);
  }

  #write(blocks: readonly Uint8Array[]): void {
    const parts = blocks.flatMap((block) => [number(block.length), block]);
    const bytes = Buffer.concat([number(blocks.length), ...parts]);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#requests, bytes, at);
  }

  #read(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; ) {
      const n = readSync(this.#answers, bytes, at, length - at, null);
      if (n === 0) throw new Error("Cannot run a job: the runner ended");
      at += n;
    }
    return bytes;
  }

  #readNumbers(count: number): readonly number[] {
    const bytes = this.#read(8 * count);
    return Array.from({ length: count }, (_, i) => Number(bytes.readBigUInt64LE(8 * i)));
  }

  #readBlock(): Buffer {
    return this.#read(this.#read(4).readUInt32LE(0));
  }
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
