/**
 * The policy plugin's configuration: lists of what is denied and allowed. What is misspelled or empty
 * is refused, since it would let through more than was meant.
 */

import { isPlainName } from "../../lib/cni/environment.ts";
import { brief, CniError, Code, ConfigError, configError } from "../../lib/cni/error.ts";
import { isGiven, isObject, type Json, type JsonObject } from "../../lib/cni/json.ts";
import { givenAt } from "../../lib/cni/netconf.ts";
import {
  type Direction,
  type Policy,
  type PolicyRule,
  type Ports,
  type Protocol,
  protocols,
} from "../../lib/filter/policy-rules.ts";
import { parseAddress } from "../../lib/ip/address.ts";
import {
  type Cidr,
  formatCidr,
  hasHostBits,
  hostCidr,
  networkOf,
  parseCidr,
} from "../../lib/ip/cidr.ts";
import type { WhenUnknown } from "../../lib/state/pod-attachments.ts";
import { readJson } from "../../lib/state/record.ts";

export interface PolicyConfig {
  readonly policy: Policy;
  /** The network whose agent judges pods as well. */
  readonly agent: string | undefined;
  readonly whenUnknown: WhenUnknown;
}

const nothing: Policy = { ingress: undefined, egress: undefined };

/** The configuration; what goes (DEL, GC) goes whatever the lists say. */
export function parsePolicyConfig(json: JsonObject, strict: boolean): PolicyConfig {
  if (!strict) return { policy: nothing, agent: agentIn(json, false), whenUnknown: undefined };
  return {
    policy: listsIn(json),
    agent: agentIn(json, true),
    whenUnknown: whenUnknownIn(json),
  };
}

function listsIn(json: JsonObject): Policy {
  const file = givenAt(json, "file");
  if (file === undefined) return policyIn(json, "");
  if (isGiven(json.ingress) || isGiven(json.egress)) {
    throw new ConfigError("file", "cannot be used with ingress or egress: the file has both");
  }
  return policyIn(readPolicyFile(file), `${file}: `);
}

function agentIn({ agent }: JsonObject, strict: boolean): string | undefined {
  if (!isGiven(agent)) return undefined;
  if (typeof agent === "string" && isPlainName(agent)) return agent;
  if (strict) throw configError("agent", "the name of an agent's network, such as flannel", agent);
  return undefined;
}

function whenUnknownIn({ agent, whenUnknown }: JsonObject): WhenUnknown {
  if (!isGiven(whenUnknown)) return undefined;
  if (whenUnknown !== "isolate" && whenUnknown !== "allow") {
    throw configError("whenUnknown", '"isolate" or "allow"', whenUnknown);
  }
  if (isGiven(agent)) return whenUnknown;
  throw new ConfigError("whenUnknown", 'is of no use without "agent"');
}

function readPolicyFile(path: string): JsonObject {
  if (!path.startsWith("/")) throw configError("file", "an absolute path", path);
  const json = jsonIn(path);
  if (json === undefined) throw unusable(path, "there is no such file");
  if (!isObject(json)) throw unusable(path, `it must be an object, got ${brief(json)}`);
  requireKeys(json, ["ingress", "egress"], `${path}: `);
  return json;
}

/** What is no JSON is the configuration's fault, as everything else in the file is. */
function jsonIn(path: string): unknown {
  try {
    return readJson(path);
  } catch (cause) {
    const { code, message } = CniError.from(cause);
    throw code === Code.conflict ? new CniError(Code.config, message) : cause;
  }
}

function unusable(path: string, state: string): CniError {
  return new CniError(Code.config, `Cannot use policy file "${path}": ${state}`);
}

function policyIn(json: JsonObject, at: string): Policy {
  return {
    ingress: directionIn(json.ingress, `${at}ingress`, "from"),
    egress: directionIn(json.egress, `${at}egress`, "to"),
  };
}

/** The key under which a rule has the other side. */
type OtherSide = "from" | "to";

function directionIn(
  json: Json | undefined,
  at: string,
  otherSide: OtherSide,
): Direction | undefined {
  if (!isGiven(json)) return undefined;
  if (!isObject(json)) throw configError(at, "an object", json);
  requireKeys(json, ["allow", "deny"], `${at}.`);
  const rules = (key: string) =>
    entriesIn(json[key], `${at}.${key}`).map((rule, i) =>
      ruleIn(rule, `${at}.${key}[${i}]`, otherSide),
    );
  const direction = {
    deny: json.deny === undefined ? [] : rules("deny"),
    allow: json.allow === undefined ? undefined : rules("allow"),
  };
  requireFew(direction, at);
  return direction;
}

function ruleIn(json: Json, at: string, otherSide: OtherSide): PolicyRule {
  if (!isObject(json)) throw configError(at, "an object", json);
  requireKeys(json, [otherSide, "except", "ports"], `${at}.`);
  const list = <T>(key: string, parse: (text: string, at: string) => T) =>
    json[key] === undefined ? undefined : textsIn(json[key], `${at}.${key}`, parse);
  const networks = list(otherSide, networkIn);
  const except = list("except", networkIn) ?? [];
  const stray = except.find((each) => !networks?.some((network) => covers(network, each)));
  if (stray) {
    const expected = `parts of the networks under "${otherSide}"`;
    throw configError(`${at}.except`, expected, formatCidr(stray));
  }
  return { networks, except, ports: list("ports", portsIn) };
}

function covers(network: Cidr, part: Cidr): boolean {
  const { address, prefixLength } = part;
  if (prefixLength < network.prefixLength) return false;
  const larger = networkOf({ address, prefixLength: network.prefixLength });
  return formatCidr(larger) === formatCidr(networkOf(network));
}

/** What is misspelled would be as good as left out, and let through more than was meant. */
function requireKeys(json: JsonObject, known: readonly string[], at: string): void {
  const stray = Object.keys(json).find((key) => !known.includes(key));
  if (stray === undefined) return;
  throw new ConfigError(`${at}${stray}`, `is unknown; known are ${known.join(", ")}`);
}

function entriesIn(json: Json | undefined, at: string): readonly Json[] {
  if (Array.isArray(json)) return json;
  throw configError(at, "a list", json);
}

function textsIn<T>(
  json: Json | undefined,
  at: string,
  parse: (text: string, at: string) => T,
): readonly T[] {
  const entries = entriesIn(json, at);
  if (entries.length === 0) {
    throw new ConfigError(at, "must not be empty; leave it out where all are meant");
  }
  return entries.map((entry, i) => {
    if (typeof entry !== "string") throw configError(`${at}[${i}]`, "a text", entry);
    return parse(entry, `${at}[${i}]`);
  });
}

function networkIn(text: string, at: string): Cidr {
  const address = parseAddress(text);
  const network = address ? hostCidr(address) : parseCidr(text);
  if (!network) throw configError(at, "an address or a network, such as 10.1.0.0/16", text);
  if (hasHostBits(network)) {
    throw configError(at, `a network without host bits, ${formatCidr(networkOf(network))}`, text);
  }
  return network;
}

function portsIn(text: string, at: string): Ports {
  const [, first, last = first, protocol = ""] =
    /^(?:(\d+)(?:-(\d+))?\/)?([a-z]+)$/.exec(text) ?? [];
  const isKnown = Object.hasOwn(protocols, protocol);
  const range = first === undefined ? undefined : ([Number(first), Number(last)] as const);
  const isRange = !range || (range[0] >= 1 && range[0] <= range[1] && range[1] <= 65535);
  if (!isKnown || !isRange || (range && protocol === "icmp")) {
    const examples = "80/tcp, 8000-8999/udp, sctp or icmp";
    throw configError(at, `ports of 1 to 65535 and a protocol, such as ${examples}`, text);
  }
  return { protocol: protocol as Protocol, range };
}

/** A packet is compared with one rule after the other. */
const MOST_RULES = 1000;

function requireFew({ deny, allow = [] }: Direction, at: string): void {
  const rules = [...deny, ...allow];
  const count = rules.reduce(
    (sum, { networks, ports }) => sum + (networks?.length ?? 1) * (ports?.length ?? 1),
    0,
  );
  if (count <= MOST_RULES) return;
  const expected = `at most ${MOST_RULES} rules, one for each network and each of its ports`;
  throw new ConfigError(at, `must have ${expected}, got ${count}`);
}
