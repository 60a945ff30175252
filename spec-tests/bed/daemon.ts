/** Programs of the suite that stay. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Bed } from "./bed.ts";
import { Patience, Pauses } from "./patience.ts";

/** A running daemon and what it has said so far. */
export class Daemon {
  readonly #process: ChildProcess;
  #said = "";

  /** Starts a program with its arguments; it ends with this process, however that ends. */
  constructor(bed: Bed, program: string) {
    const [file = "", ...words] = bed.command(`exec setpriv --pdeathsig KILL ${program}`);
    this.#process = spawn(file, words, { stdio: ["ignore", "pipe", "pipe"] });
    bed.atEnd(() => this.#process.kill("SIGKILL"));
    this.#process.stdout?.on("data", (data) => {
      this.#said += data;
    });
    this.#process.stderr?.on("data", (data) => {
      this.#said += data;
    });
  }

  get said(): string {
    return this.#said;
  }

  /** Waits until a condition holds. */
  async until(
    what: string,
    holds: () => boolean | Promise<boolean>,
    patience = new Patience(),
  ): Promise<void> {
    const pauses = new Pauses(20);
    while (!(await holds())) {
      if (!patience.lasts()) throw new Error(`${what} did not come; it said:\n${this.#said}`);
      await new Promise((resolve) => setTimeout(resolve, pauses.next()));
    }
  }

  /** Kills the daemon (SIGKILL). */
  async kill(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Sends it a signal, such as one that stops it for a while. */
  signal(signal: "SIGSTOP" | "SIGCONT" | "SIGHUP"): void {
    this.#process.kill(signal);
  }

  /** Ends the daemon by a signal, unless it has ended, and tells its exit status; null if the signal ended it. */
  async end(signal: "SIGKILL" | "SIGTERM" | "SIGINT"): Promise<number | null> {
    const ended = this.ended();
    this.#process.kill(signal);
    return await ended;
  }

  /** Waits until it ends, and tells its exit status; null if a signal ended it. */
  async ended(): Promise<number | null> {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) return exitCode;
    return await new Promise((resolve) => this.#process.once("close", resolve));
  }
}
