/** What came out of one run of an executable. */

/** One interface of a result. */
export interface ResultInterface {
  readonly name: string;
  readonly mac?: string;
  readonly mtu?: number;
  readonly sandbox?: string;
}

/** One address of a result; `version` only up to 0.4.0. */
export interface ResultIp {
  readonly address: string;
  readonly gateway?: string;
  readonly interface?: number;
  readonly version?: string;
}

/** One route of a result. */
export interface ResultRoute {
  readonly dst: string;
  readonly gw?: string;
  readonly mtu?: number;
}

/** An ADD result of any version; lists that were left out are empty. */
export interface Result {
  readonly cniVersion: string;
  readonly interfaces: readonly ResultInterface[];
  readonly ips: readonly ResultIp[];
  readonly routes: readonly ResultRoute[];
  readonly dns?: Readonly<Record<string, unknown>>;
  readonly ip4?: LegacyIp;
  readonly ip6?: LegacyIp;
}

/** An address as results up to 0.2.0 give it. */
export interface LegacyIp {
  readonly ip: string;
  readonly gateway?: string;
  readonly routes?: readonly ResultRoute[];
}

/** The error object of the specification. */
export interface ErrorObject {
  readonly cniVersion?: string;
  readonly code: number;
  readonly msg: string;
  readonly details?: string;
}

/** How a process ended. */
export interface Ending {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The end of one run, with its standard output read as the specification says. */
export interface Outcome extends Ending {
  /** Whether it exited with 0. A signal is neither success nor an ordinary failure. */
  readonly ok: boolean;
  /** The whole standard output as one JSON value. */
  readonly json: unknown;
  /** The result of a successful ADD; throws, telling what was printed, if it failed. */
  readonly result: Result;
  /** The error object of a failed run; throws if it succeeded, died or printed something else. */
  readonly error: ErrorObject;
}

/** Reads the end of a process as the outcome of a plugin; `what` names the run in messages. */
export function outcome(ending: Ending, what: string): Outcome {
  return {
    ...ending,
    ok: ending.exitCode === 0,
    get json() {
      return parse(ending, what);
    },
    get result() {
      if (ending.exitCode !== 0) throw new Error(`${what} failed:\n${tell(ending)}`);
      const empty = { interfaces: [], ips: [], routes: [] };
      return { ...empty, ...(parse(ending, what) as Result) };
    },
    get error() {
      if (ending.exitCode === 0) throw new Error(`${what} succeeded:\n${tell(ending)}`);
      return errorObject(ending, what);
    },
  };
}

/** The codes the specification documents, 8 (unusable namespace), and the plugins' own. */
function isDocumentedCode(code: unknown): boolean {
  const documented = [1, 2, 3, 4, 5, 6, 7, 8, 11, 50, 51];
  return typeof code === "number" && (documented.includes(code) || code >= 100);
}

function errorObject(ending: Ending, what: string): ErrorObject {
  if (ending.signal !== null) throw new Error(`${what} died:\n${tell(ending)}`);
  const error = parse(ending, what) as ErrorObject;
  const wellFormed = isDocumentedCode(error?.code) && typeof error.msg === "string";
  if (!wellFormed || error.msg === "") {
    throw new Error(`${what} printed no documented error object:\n${tell(ending)}`);
  }
  return error;
}

function parse(ending: Ending, what: string): unknown {
  try {
    return JSON.parse(ending.stdout);
  } catch {
    throw new Error(`${what} did not print one JSON document:\n${tell(ending)}`);
  }
}

/** The end of a process in words, for messages. */
export function tell({ exitCode, signal, stdout, stderr }: Ending): string {
  const end = signal === null ? `exit code ${exitCode}` : `signal ${signal}`;
  return `  ${end}\n  stdout: ${stdout || "(empty)"}\n  stderr: ${stderr || "(empty)"}`;
}
