/** The portmap plugin's configuration: ports, and which packets a mapping applies to. */

import type { Defaults } from "../../lib/cni/defaults.ts";
import { configError } from "../../lib/cni/error.ts";
import { isObject, type JsonObject } from "../../lib/cni/json.ts";
import { flagAt, givenAt, listAt, numberAt, textAt, valueAt } from "../../lib/cni/netconf.ts";
import { parseReserved, type Reservation } from "../../lib/cni/reserved-ports.ts";
import type { PortOptions, Snat } from "../../lib/filter/port-mapping.ts";
import { family, type IpAddress, isUnspecified, parseAddress } from "../../lib/ip/address.ts";
import { type Mapping, pathOf, requireOneTarget, withoutTwins } from "./mappings.ts";

export interface PortmapConfig extends PortOptions {
  readonly mappings: readonly Mapping[];
  readonly snat: Snat | undefined;
  readonly reserved: readonly Reservation[];
}

/** The configuration; DEL only needs to know the ports, as far as they make sense. */
export function parsePortmapConfig(
  json: JsonObject,
  strict: boolean,
  defaults: Defaults,
): PortmapConfig {
  const isForAll = flagAt(json, "masqAll");
  const markBit = numberAt(json, "markMasqBit");
  const words = { 4: wordsAt(json, "conditionsV4"), 6: wordsAt(json, "conditionsV6") };
  const markChain = givenAt(json, "externalSetMarkChain");
  if (strict) requireMarkChain(json, markChain);
  const backend = backendFor(json, { words, markChain, strict }) ?? defaults.backend;
  if (strict && backend === "iptables") requireMatches(words);
  return {
    mappings: mappingsIn(json, strict),
    reserved: [...parseReserved(json, strict), ...parseReserved({ ...defaults }, strict)],
    snat: valueAt(json, "snat") === false ? undefined : { isForAll, markBit },
    backend,
    markChain,
    words,
  };
}

function wordsAt(json: JsonObject, key: string): readonly string[] {
  return (listAt(json, key) ?? []).filter((word) => typeof word === "string");
}

function requireMarkChain(json: JsonObject, markChain: string | undefined): void {
  if (markChain === undefined) return;
  if (json.markMasqBit !== undefined) {
    throw configError("externalSetMarkChain", "without markMasqBit", markChain);
  }
  if (!/^[A-Za-z0-9_][A-Za-z0-9_-]{0,27}$/.test(markChain)) {
    throw configError("externalSetMarkChain", "the name of a chain of iptables", markChain);
  }
}

interface Hints {
  readonly words: PortOptions["words"];
  readonly markChain: string | undefined;
  readonly strict: boolean;
}

/** The backend that is asked for, or that the keys need; not both, if they differ. */
function backendFor(json: JsonObject, { words, markChain, strict }: Hints) {
  const asked = givenAt(json, "backend") as PortOptions["backend"];
  const needs = [
    ...(markChain === undefined ? [] : [["externalSetMarkChain", "iptables"] as const]),
    ...([4, 6] as const).flatMap((family) => {
      const [first] = words[family];
      if (first === undefined) return [];
      return [[`conditionsV${family}`, /^[-!]/.test(first) ? "iptables" : "nftables"] as const];
    }),
  ];
  const chosen = asked ?? needs[0]?.[1];
  const strange = needs.find(([, backend]) => backend !== chosen);
  if (strange && strict) throw configError(strange[0], `for ${chosen}`, json[strange[0]]);
  return chosen;
}

/** A condition may match packets, but not say what becomes of them. */
function requireMatches(words: PortOptions["words"]): void {
  for (const family of [4, 6] as const) {
    const bad = words[family].find(
      (word) =>
        /^(-[jgtADIRFXNPE]|--(jump|goto|table|append|delete|insert))/.test(word) ||
        /[\n\0]/.test(word),
    );
    if (bad !== undefined)
      throw configError(`conditionsV${family}`, "options that match packets", bad);
  }
}

function mappingsIn(json: JsonObject, strict: boolean): readonly Mapping[] {
  const mappings: Mapping[] = [];
  const list = listAt(json, "runtimeConfig", "portMappings") ?? [];
  for (const [i, value] of list.entries()) {
    try {
      mappings.push(parseMapping(value, i));
    } catch (cause) {
      if (strict) throw cause;
    }
  }
  if (strict) requireOneTarget(mappings, list);
  return withoutTwins(mappings);
}

const protocols = ["tcp", "udp", "sctp"] as const;

function parseMapping(value: unknown, place: number): Mapping {
  const path = pathOf({ place });
  const json = isObject(value) ? value : {};
  const name = (textAt(json, "protocol") ?? "").toLowerCase();
  const protocol = protocols.find((each) => each === name);
  if (!protocol) throw configError(`${path}.protocol`, "tcp, udp or sctp", json.protocol);
  const port = (key: string) => {
    const number = valueAt(json, key);
    if (typeof number === "number" && number >= 1 && number <= 65535) return number;
    throw configError(`${path}.${key}`, "a port from 1 to 65535", number);
  };
  const hostIP = parseHostIP(json, path);
  return {
    place,
    protocol,
    port: port("hostPort"),
    containerPort: port("containerPort"),
    family: hostIP && (family(hostIP) === 4 ? 4 : 6),
    address: hostIP && !isUnspecified(hostIP) ? hostIP : undefined,
  };
}

function parseHostIP(json: JsonObject, path: string): IpAddress | undefined {
  const text = givenAt(json, "hostIP");
  if (text === undefined) return undefined;
  const address = parseAddress(text);
  if (!address) throw configError(`${path}.hostIP`, "an IP address", text);
  return address;
}
