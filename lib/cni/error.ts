/** The one kind of error that leaves a plugin, and how others become it. */

import { EACCES, EPERM } from "../host/errno.ts";
import { Failure, type FailureKind } from "../host/failure.ts";
import { lazily } from "../host/lazy.ts";

/** Error codes: 1 to 99 as the CNI specification reserves them, 100 and up are this suite's. */
export const Code = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  environment: 4,
  io: 5,
  decode: 6,
  config: 7,
  sameNetns: 8,
  tryAgain: 11,
  notAvailable: 50,
  limitedConnectivity: 51,
  kernel: 100,
  system: 101,
  delegate: 102,
  conflict: 103,
  checkFailed: 104,
  exhausted: 105,
  internal: 999,
} as const;

/** A refusal or failure as the runtime sees it: code, one sentence, and optional details. */
export class CniError extends Error {
  readonly code: number;
  readonly details: string;

  constructor(code: number, message: string, details = "") {
    super(message);
    this.name = "CniError";
    this.code = code;
    this.details = details;
  }

  /** Any thrown thing as a CniError; what nobody foresaw is code 999, always our bug. */
  static from(cause: unknown): CniError {
    if (cause instanceof CniError) return cause;
    if (cause instanceof Failure) return fromBelow(cause);
    if (isOutOfMemory(cause)) return new CniError(Code.system, "Cannot finish: out of memory");
    const message = cause instanceof Error ? cause.message : String(cause);
    const stack = cause instanceof Error ? (cause.stack ?? "").trim() : "";
    return new CniError(Code.internal, `Cannot finish: ${message}`, stack);
  }

  /** This error with further ones named: those that happened while it was being handled. */
  plus(more: readonly CniError[]): CniError {
    if (more.length === 0) return this;
    const also = more.map(({ message }) => `also: ${message}`);
    return new CniError(this.code, this.message, joined(this.details, ...also));
  }

  /** This error with more details. */
  with(...details: readonly string[]): CniError {
    return new CniError(this.code, this.message, joined(this.details, ...details));
  }
}

/** The engine's words where memory or stack end; if not even they fit, it throws null. */
export function isOutOfMemory(cause: unknown): boolean {
  if (!(cause instanceof Error)) return cause === null;
  return cause.name === "InternalError" && /^(out of memory|stack overflow)/.test(cause.message);
}

function joined(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("; ");
}

const codes: Readonly<Record<FailureKind, number>> = {
  system: Code.system,
  program: Code.system,
  kernel: Code.kernel,
  unsupported: Code.kernel,
  conflict: Code.conflict,
  busy: Code.tryAgain,
  namespace: Code.environment,
};

/** What failed below, and what the process lacks for it, should it lack anything. */
function fromBelow({ kind, message, errno, details }: Failure): CniError {
  const code = codes[kind];
  if (errno !== EPERM && errno !== EACCES) return new CniError(code, message, details);
  const { missingPrivilege } = lazily<typeof import("../host/privilege.lazy.ts")>("privilege");
  const missing = missingPrivilege(errno);
  const whole = missing === undefined ? message : `${message} (${missing})`;
  return new CniError(code, whole, details);
}

/** A configuration that cannot be used: where, and what is wrong there. */
export class ConfigError extends CniError {
  readonly path: string;
  readonly state: string;

  constructor(path: string, state: string) {
    super(Code.config, `Cannot use this configuration: ${path === "" ? "it" : path} ${state}`);
    this.path = path;
    this.state = state;
  }
}

/** A configuration that cannot be used: where, what was expected, what was found. */
export function configError(path: string, expected: string, found: unknown): ConfigError {
  const shown = found === undefined ? "nothing" : brief(found);
  return new ConfigError(path, `must be ${expected}, got ${shown}`);
}

/** What was configured may be in a message, but no line ends, nor what a terminal obeys. */
export function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** A value as JSON, cut to a length that fits a sentence. */
export function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
