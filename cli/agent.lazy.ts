/** `weft agent` and its commands. */

import * as host from "host";
import { type Health, isWell, socketOf } from "../agent/health.ts";
import { OptionError, parseAgentOptions } from "../agent/options.ts";
import { isPlainName } from "../lib/cni/environment.ts";
import { CniError, oneLine } from "../lib/cni/error.ts";
import { isObject } from "../lib/cni/json.ts";
import { askAt } from "../lib/host/health.ts";
import { lazily } from "../lib/host/lazy.ts";
import { statusLines } from "./agent/status-words.ts";
import { sortWords } from "./see/words.ts";

/** Set by the build from package.json. */
declare const WEFT_VERSION: string;

/** The words behind `agent`; the exit status, or undefined if they are wrong. */
export function run(words: readonly string[]): number | undefined {
  const [command, ...more] = words;
  if (command === "status") return showStatus(more);
  if (command === "init") return lazily<AgentInit>("agent-init").run(more);
  if (command === "remove") return lazily<AgentRemove>("agent-remove").run(more);
  return runAgent(words);
}

type AgentRemove = typeof import("./agent-remove.lazy.ts");
type AgentInit = typeof import("./agent-init.lazy.ts");

/* ---- the agent itself ---- */

function runAgent(words: readonly string[]): number | undefined {
  try {
    const options = parseAgentOptions(words, host.getenv);
    if (options === "version") return say(1, `weft ${WEFT_VERSION}`);
    if (options === "help") return undefined;
    for (const note of options.notes) say(2, `weft: ${note}`);
    const program = lazily<typeof import("../agent/weft-agent.lazy.ts")>("weft-agent");
    return program.runAgent(options, WEFT_VERSION);
  } catch (cause) {
    if (cause instanceof OptionError) return misused(cause);
    say(2, `weft: ${CniError.from(cause).message}`);
    return 1;
  }
}

function misused({ message }: OptionError): number {
  say(2, `weft: ${message}`);
  return 2;
}

/* ---- status ---- */

const NETWORK_NAME = "--network-name";

function showStatus(words: readonly string[]): number | undefined {
  const sorted = sortWords(words, { flags: ["--json"], values: [NETWORK_NAME] });
  const network = sorted?.options.at(-1)?.[1] ?? "flannel";
  if (!sorted || sorted.names.length > 0 || !isPlainName(network)) return undefined;
  try {
    const health = askHealth(network);
    if (sorted.flags.length > 0) say(1, JSON.stringify(health, null, 2));
    else for (const line of statusLines(health, host.realtime())) say(1, line);
    return isWell(health) ? 0 : 1;
  } catch (cause) {
    say(2, `weft: ${CniError.from(cause).message}`);
    return 1;
  }
}

function askHealth(network: string): Health {
  const text = askAt(socketOf(network));
  if (text === undefined) throw unasked(network, "it is not running");
  const health: unknown = JSON.parse(text);
  if (isObject(health)) return health as unknown as Health;
  throw unasked(network, "what it says is no object");
}

function unasked(network: string, state: string): CniError {
  return new CniError(101, `Cannot ask the agent of network "${network}": ${state}`);
}

function say(fd: number, line: string): number {
  host.write(fd, host.encode(line.includes("\n") ? `${line}\n` : `${oneLine(line)}\n`));
  return 0;
}
