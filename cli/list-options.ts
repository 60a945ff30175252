/**
 * What a command that runs a list is asked for: cnitool's words and variables, and options.
 *
 *   weft add NETWORK NETNS --ifname net1
 *   CNI_IFNAME=net1 cnitool add NETWORK NETNS
 */

import * as host from "host";
import { isPlainName, LONGEST_NAME } from "../lib/cni/environment.ts";
import { brief, CniError, Code } from "../lib/cni/error.ts";
import type { Variables } from "../lib/cni/invoke.ts";
import { isObject, type Json, type JsonObject } from "../lib/cni/json.ts";
import { absolutePath } from "../lib/host/file-status.ts";
import { sha512Hex } from "../lib/net/digest.ts";
import type { Observer } from "./observer.ts";
import { portMappingsIn } from "./port-mappings.ts";

/** The pairs of CNI_ARGS in their order. */
export type Pairs = readonly (readonly [key: string, value: string])[];

/** What is asked for; what may be left out is undefined, and then what ADD was told counts. */
export interface Wanted {
  /** "" if only a file was named. */
  readonly network: string;
  /** The path from the root; "" if it was not given. */
  readonly netns: string;
  readonly containerID: string;
  readonly ifName: string;
  readonly args: Pairs | undefined;
  readonly capabilities: JsonObject | undefined;
  /** The file of the list, if not one of the directory. */
  readonly file: string | undefined;
  readonly directory: string;
  /** Where plugins are, as in CNI_PATH. */
  readonly path: string;
  /** How long each plugin may take. */
  readonly milliseconds: number;
  readonly isJson: boolean;
  readonly isYes: boolean;
  /** Sees what each plugin does. */
  readonly observe?: Observer | undefined;
  /** Variables that plugins get besides those of the protocol. */
  readonly variables?: Variables | undefined;
}

/** Commands that are about one attachment. */
const ofAttachment = ["add", "del", "check"];
const VALUES = ["--conf", "--ifname", "-i", "--container-id", "--capability", "--timeout"];
const FLAGS = ["--json", "--yes"];
/** Seconds that a plugin may take: runtimes wait as long for a whole list. */
const USUAL_TIMEOUT = 240;

/** The words behind a command; undefined if they are no right ones. Throws on faulty variables. */
export function readWanted(command: string, words: readonly string[]): Wanted | undefined {
  const sorted = sortWords(words);
  const names = sorted && namesIn(command, sorted);
  if (!sorted || !names) return undefined;
  const { options, flags } = sorted;
  const last = (name: string) => options.findLast(([option]) => option === name)?.[1];
  const netns = names.netns === "" ? "" : cleanPath(absolutePath(names.netns));
  const seconds = Number(last("--timeout") ?? USUAL_TIMEOUT);
  if (!(seconds > 0 && seconds < 1e6)) return undefined;
  return {
    ...names,
    netns,
    containerID: last("--container-id") ?? usualContainerID(netns),
    ifName: last("--ifname") ?? last("-i") ?? host.getenv("CNI_IFNAME") ?? "eth0",
    args: argsIn(host.getenv("CNI_ARGS") ?? ""),
    capabilities: capabilitiesIn(options.filter(([name]) => name === "--capability")),
    file: last("--conf"),
    directory: host.getenv("NETCONFPATH") || "/etc/cni/net.d",
    path: host.getenv("CNI_PATH") || "/opt/cni/bin",
    milliseconds: seconds * 1000,
    isJson: flags.includes("--json"),
    isYes: flags.includes("--yes"),
  };
}

interface Sorted {
  readonly names: readonly string[];
  readonly options: readonly (readonly [name: string, value: string])[];
  readonly flags: readonly string[];
}

/**
 * Names, options with a value (the next word, or behind a `=`), and flags, in any order; behind a
 * first `--` there are names only.
 */
function sortWords(words: readonly string[]): Sorted | undefined {
  if (words[0] === "--") return { names: words.slice(1), options: [], flags: [] };
  const names: string[] = [];
  const options: (readonly [string, string])[] = [];
  const flags: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    const at = word.indexOf("=");
    const [option, value] = at < 0 ? [word, words[i + 1]] : [word.slice(0, at), word.slice(at + 1)];
    if (FLAGS.includes(word)) flags.push(word);
    else if (VALUES.includes(option)) {
      if (!value) return undefined;
      options.push([option, value]);
      if (at < 0) i++;
    } else if (word === "" || word.startsWith("-")) return undefined;
    else names.push(word);
  }
  return { names, options, flags };
}

/** A file says the network's name itself; who names a container may leave out its namespace. */
function namesIn(command: string, { names, options }: Sorted) {
  const has = (name: string) => options.some(([option]) => option === name);
  const hasFile = has("--conf");
  const isOfAttachment = ofAttachment.includes(command);
  const needsNetns = command === "add" || (isOfAttachment && !has("--container-id"));
  const isNetnsOnly = hasFile && isOfAttachment && names.length === 1;
  const [network = "", netns = ""] = isNetnsOnly ? ["", ...names] : names;
  const isMissing = (network === "" && !hasFile) || (netns === "" && needsNetns);
  return isMissing || names.length > 2 ? undefined : { network, netns };
}

/** Throws unless a network's name is a plain one: it becomes part of paths. */
export function requireNetworkName(name: string): void {
  if (isPlainName(name) && name.length <= LONGEST_NAME) return;
  throw new CniError(Code.config, `Cannot use network name ${brief(name)}: it is no plain name`);
}

/** As cnitool makes it: so both programs know what the other attached. */
function usualContainerID(netns: string): string {
  if (netns === "") return "";
  const bytes = Array.from(host.encode(netns), (byte) => String.fromCharCode(byte));
  return `cnitool-${sha512Hex(bytes.join(""), 20)}`;
}

/** A path without `.`, `..` and doubled slashes, by its text alone. */
function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

function argsIn(text: string): Pairs | undefined {
  if (text === "") return undefined;
  return text.split(";").map((pair) => {
    const [key = "", value = "", ...more] = pair.split("=");
    if (key !== "" && value !== "" && more.length === 0) return [key, value];
    throw new CniError(Code.environment, `Cannot use CNI_ARGS: invalid pair ${brief(pair)}`);
  });
}

/** CAP_ARGS, and what single options say in its place. */
function capabilitiesIn(options: Sorted["options"]): JsonObject | undefined {
  const text = host.getenv("CAP_ARGS") ?? "";
  if (text === "" && options.length === 0) return undefined;
  const given = text === "" ? {} : jsonOf(text);
  if (!isObject(given)) {
    throw new CniError(Code.environment, `Cannot use CAP_ARGS: not a JSON object`);
  }
  return { ...given, ...Object.fromEntries(options.map(([, word]) => capability(word))) };
}

function capability(word: string): readonly [string, Json] {
  const at = word.indexOf("=");
  const [name, value] = [word.slice(0, at), word.slice(at + 1)];
  if (at < 1 || value === "") {
    const state = `expected a name and a value, as in mac=02:00:00:00:00:01`;
    throw new CniError(Code.environment, `Cannot use --capability ${brief(word)}: ${state}`);
  }
  const mappings = name === "portMappings" ? portMappingsIn(value) : undefined;
  return [name, mappings ?? jsonOf(value) ?? value];
}

function jsonOf(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
