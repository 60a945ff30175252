/** `weft agent init`: the configuration of a network, written to etcd once for a cluster. */

import * as host from "host";
import { type InitOutcome, initEtcd } from "../agent/init.ts";
import { type EtcdOptions, OptionError, parseEtcdOptions } from "../agent/options.ts";
import { CniError, Code, oneLine } from "../lib/cni/error.ts";
import { readTextIfPresent } from "../lib/host/file.ts";

/** What is to be written, and where. */
interface Wanted {
  readonly text: string;
  readonly isForced: boolean;
  readonly etcd: EtcdOptions;
}

/** The words behind `agent init`; 1 if it could not be written, undefined if they are wrong. */
export function run(words: readonly string[]): number | undefined {
  try {
    const wanted = wantedBy(words);
    return wanted && tell(initEtcd(wanted.etcd, wanted));
  } catch (cause) {
    const { message } = cause instanceof OptionError ? cause : CniError.from(cause);
    say(2, `weft: ${message}`);
    return cause instanceof OptionError ? 2 : 1;
  }
}

function tell(outcome: InitOutcome): number {
  const { key } = outcome;
  if (outcome.state === "other") {
    const state = `there is another configuration, ${outcome.found.slice(0, 500)}`;
    say(2, `weft: Cannot write ${key}: ${state}; --force replaces it`);
    return 1;
  }
  say(1, `${key}: ${outcome.state === "written" ? "written" : "is so already"}`);
  return 0;
}

/* ---- words ---- */

const VALUES = ["--network", "--ipv6-network", "--subnet-len", "--backend", "--config"];
const FLAGS = ["--direct-routing", "--force"];

/** The words of init; all others are the agent's flags. */
function wantedBy(words: readonly string[]): Wanted | undefined {
  const given = new Map<string, string>();
  const others: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const [, name = "", value] = /^(--[^=]+)(?:=([\s\S]*))?$/.exec(words[i] ?? "") ?? [];
    if (FLAGS.includes(name) && value === undefined) given.set(name, "true");
    else if (VALUES.includes(name)) given.set(name, value ?? words[++i] ?? "");
    else others.push(words[i] ?? "");
  }
  const text = textOf(given);
  if (text === undefined) return undefined;
  const etcd = parseEtcdOptions(others, host.getenv);
  return { text, isForced: given.has("--force"), etcd };
}

function textOf(given: ReadonlyMap<string, string>): string | undefined {
  const file = given.get("--config");
  if (file !== undefined) return given.has("--network") ? undefined : fileText(file);
  const [network, network6] = [given.get("--network"), given.get("--ipv6-network")];
  if (network === undefined) return undefined;
  const length = given.get("--subnet-len");
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return undefined;
  const type = given.get("--backend") ?? "vxlan";
  return JSON.stringify({
    Network: network,
    ...(length === undefined ? {} : { SubnetLen: Number(length) }),
    ...(network6 === undefined ? {} : { EnableIPv6: true, IPv6Network: network6 }),
    Backend: { Type: type, ...(given.has("--direct-routing") ? { DirectRouting: true } : {}) },
  });
}

function fileText(path: string): string {
  const text = readTextIfPresent(path);
  if (text !== undefined) return text.trim();
  throw new CniError(Code.config, `Cannot use "${path}": there is no such file`);
}

function say(fd: number, line: string): void {
  host.write(fd, host.encode(`${oneLine(line)}\n`));
}
