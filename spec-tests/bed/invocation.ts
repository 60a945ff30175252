import type { Container } from "./container.ts";
import { type Ended, type Job, keeperSays } from "./keeper.ts";
import { type Outcome, outcome } from "./outcome.ts";
import { binInBed, fakesInBed, programsInBed } from "./paths.ts";

/** A network configuration: any JSON object. */
export type Config = Readonly<Record<string, unknown>>;

/** Environment variables; `undefined` takes one of the usual ones away. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** What may differ from an ordinary run. */
export interface RunOptions {
  /** Changes to the environment, after everything else. */
  readonly env?: Variables;
  /** CNI_IFNAME, if not the container's. */
  readonly ifName?: string;
  /** CNI_ARGS. */
  readonly args?: string;
  /** CNI_PATH, if not the tested executables and the bed's stand-ins. */
  readonly path?: string;
  /** Standard input, if not the configuration as JSON. */
  readonly stdin?: string | Uint8Array;
  /** Shell redirections for the executable, such as `<&-`. */
  readonly redirect?: string;
  /** Faults to inject: `strace -e inject=` expressions, such as `sendto:error=ENOBUFS:when=3`. */
  readonly fail?: string | readonly string[];
  /** Words before the executable that make it run with less, such as `setpriv --reuid=65534`. */
  readonly as?: readonly string[];
  /** The folder the executable is taken from, if not the tested one. */
  readonly from?: string;
}

/** One run of an executable. */
export interface Invocation extends RunOptions {
  readonly command?: string;
  readonly container?: Container;
  readonly config?: Config;
}

/** Runs `program` by what runs programs in a private host, and waits for its end. */
export function run(by: (job: Job) => Ended, program: string, call: Invocation): Outcome {
  return plugin(by(jobOf(program, call)), title(program, call));
}

/** Starts `program` by what starts programs in a private host; several may run at the same time. */
export async function start(
  by: (job: Job) => Promise<Ended>,
  program: string,
  call: Invocation,
): Promise<Outcome> {
  return plugin(await by(jobOf(program, call)), title(program, call));
}

function jobOf(program: string, call: Invocation): Job {
  return { words: commandLine(program, call), env: variables(call), input: input(call) };
}

/** The outcome, if it was the executable that ended, and not what should have started it. */
function plugin({ status: exitCode, signal, stdout, stderr }: Ended, what: string): Outcome {
  const ending = { exitCode, signal, stdout: `${stdout}`, stderr: `${stderr}` };
  const isOther = /^(\S*\/)?(nsenter|strace): |^sh: \d+: exec: /.test(ending.stderr);
  if (isOther || ending.stderr.startsWith(keeperSays)) {
    throw new Error(`Cannot run ${what}: ${ending.stderr}(was it built anew meanwhile?)`);
  }
  return outcome(ending, what);
}

function commandLine(program: string, call: Invocation): readonly string[] {
  const file = `${call.from ?? binInBed}/${program}`;
  const traced = [...faults(call.fail), ...(call.as ?? []), file];
  if (call.redirect === undefined) return traced;
  // Inside: Debian 13's nsenter does not work without a standard input of its own.
  return ["/bin/sh", "-c", `exec "$@" ${call.redirect}`, "sh", ...traced];
}

function faults(fail: Invocation["fail"]): readonly string[] {
  if (fail === undefined) return [];
  const expressions = typeof fail === "string" ? [fail] : fail;
  const calls = expressions.map((expression) => expression.split(":")[0]).join(",");
  const injections = expressions.flatMap((expression) => ["-e", `inject=${expression}`]);
  return [
    `${programsInBed}/strace`,
    "-f",
    "-qq",
    "-o",
    "/dev/null",
    "-e",
    `trace=${calls}`,
    ...injections,
  ];
}

function variables(call: Invocation): NodeJS.ProcessEnv {
  const env: Record<string, string | undefined> = {
    PATH: programsInBed,
    CNI_COMMAND: call.command,
    CNI_CONTAINERID: call.container?.containerID,
    CNI_NETNS: call.container?.netns,
    CNI_IFNAME: call.ifName ?? call.container?.ifName,
    CNI_ARGS: call.args,
    CNI_PATH: call.path ?? `${binInBed}:${fakesInBed}`,
    ...call.env,
  };
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined));
}

function input(call: Invocation): string | Uint8Array {
  return call.stdin ?? (call.config === undefined ? "" : JSON.stringify(call.config));
}

function title(program: string, call: Invocation): string {
  return `${program} ${call.command ?? "(no command)"}`;
}
