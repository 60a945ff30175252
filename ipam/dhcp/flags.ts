/** The daemon's command line, as Go's flag package reads it: what the reference's takes, ours does. */

import { DEFAULT_TIMING } from "../../lib/dhcp/timing.ts";

/** What the daemon was told; times in milliseconds. */
export interface Flags {
  readonly pidfile: string;
  readonly hostprefix: string;
  readonly socketpath: string;
  readonly broadcast: boolean;
  readonly timeout: number;
  readonly resendmax: number;
  readonly resendtimeout: number;
}

const DEFAULTS: Flags = {
  pidfile: "",
  hostprefix: "",
  socketpath: "/run/cni/dhcp.sock",
  broadcast: false,
  timeout: DEFAULT_TIMING.timeout,
  resendmax: DEFAULT_TIMING.resendMax,
  resendtimeout: DEFAULT_TIMING.resendTimeout,
};

/** What each flag is for. */
export const usage = `usage: dhcp daemon [flags]

  -broadcast             ask servers to answer by broadcast
  -hostprefix string     put before the socket's path and before those of network namespaces
  -pidfile string        absolute path of a file for the daemon's process ID
  -resendmax duration    longest wait for an answer (62s)
  -resendtimeout duration
                         time within which a first lease is had or given up (3m28s)
  -socketpath string     the socket it listens at (/run/cni/dhcp.sock)
  -timeout duration      first wait for an answer (4s)`;

/** A flag that cannot be used, in words. */
export class FlagError extends Error {}

/**
 * The flags, `-name value`, `-name=value` or with two dashes; undefined if help is asked for.
 * Throws FlagError.
 */
export function parseFlags(args: readonly string[]): Flags | undefined {
  const flags: { -readonly [K in keyof Flags]: Flags[K] } = { ...DEFAULTS };
  for (let i = 0; i < args.length; i++) {
    const [, name = "", value] = /^--?([^-=][^=]*)(?:=([\s\S]*))?$/.exec(args[i] ?? "") ?? [];
    if (name === "h" || name === "help") return undefined;
    if (name === "") throw new FlagError(`unexpected argument: ${args[i]}`);
    if (name === "broadcast") flags.broadcast = toBoolean(name, value ?? "true");
    else {
      const text = value ?? args[++i];
      if (!isValued(name)) throw new FlagError(`flag provided but not defined: -${name}`);
      if (text === undefined) throw new FlagError(`flag needs an argument: -${name}`);
      if (isDuration(name)) flags[name] = toMilliseconds(name, text);
      else flags[name] = text;
    }
  }
  return flags;
}

type Duration = "timeout" | "resendmax" | "resendtimeout";
const durations: readonly string[] = ["timeout", "resendmax", "resendtimeout"];

function isDuration(name: string): name is Duration {
  return durations.includes(name);
}

function isValued(name: string): name is Exclude<keyof Flags, "broadcast"> {
  return Object.hasOwn(DEFAULTS, name) && name !== "broadcast";
}

function toBoolean(name: string, text: string): boolean {
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true;
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false;
  throw new FlagError(`invalid boolean value "${text}" for -${name}`);
}

const UNITS: { readonly [unit: string]: number } = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** `10s`, `1m30s`, `1.5h`: numbers with units. No time can be negative. */
function toMilliseconds(name: string, text: string): number {
  const parts = [...text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)/g)];
  const isWhole = parts.map(([part]) => part).join("") === text && text !== "";
  if (text === "0") return 0;
  if (!isWhole) throw new FlagError(`invalid value "${text}" for flag -${name}: no duration`);
  return parts.reduce((sum, [, n, unit = ""]) => sum + Number(n) * (UNITS[unit] ?? 0), 0);
}
