/** The bandwidth plugin's configuration: from bits to the kernel's bytes, within sane bounds. */

import { configError } from "../../lib/cni/error.ts";
import { isObject, type JsonObject } from "../../lib/cni/json.ts";
import { listAt, numberAt, textAt, valueAt } from "../../lib/cni/netconf.ts";
import { type Cidr, parseCidr } from "../../lib/ip/cidr.ts";
import type { Bucket, Scope } from "../../lib/net/shaping.ts";

export interface BandwidthConfig {
  /** What the container receives; undefined if that is not limited. */
  readonly ingress: Limit | undefined;
  readonly egress: Limit | undefined;
  readonly scope: Scope | undefined;
}

/** A limit in bytes, before the link that it is for is known. */
export interface Limit {
  /** The keys it comes from begin so: "ingress" or "egress". */
  readonly name: string;
  /** Bytes per second. */
  readonly rate: number;
  /** Bytes. */
  readonly burst: number;
  /** Milliseconds. */
  readonly latency: number;
  readonly isExact: boolean;
}

const LIMIT_KEYS = ["ingressRate", "ingressBurst", "egressRate", "egressBurst"];

/** How long the burst that replaces an absurd one lasts, and from when on one is absurd: ms. */
const SANE_BURST = 100;
const ABSURD_BURST = 1000;
/** A burst is never less than so many packets if it is ours to choose. */
const SANE_PACKETS = 10;
const ETHERNET_HEADER = 14;
const LARGEST = 2 ** 32 - 1;

/** The configuration: limits of the configuration itself come before those of the runtime. */
export function parseBandwidthConfig(json: JsonObject, strict: boolean): BandwidthConfig {
  const isStatic = LIMIT_KEYS.some((key) => json[key] !== undefined);
  const ofRuntime = valueAt(json, "runtimeConfig", "bandwidth");
  const limits = isStatic || !isObject(ofRuntime) ? json : ofRuntime;
  if (!strict) return { ingress: undefined, egress: undefined, scope: undefined };
  return {
    ingress: parseLimit(json, limits, "ingress"),
    egress: parseLimit(json, limits, "egress"),
    scope: parseScope(isObject(ofRuntime) ? { ...json, ...subnetsOf(ofRuntime) } : json),
  };
}

function subnetsOf({ unshapedSubnets, shapedSubnets }: JsonObject): JsonObject {
  return {
    ...(unshapedSubnets === undefined ? {} : { unshapedSubnets }),
    ...(shapedSubnets === undefined ? {} : { shapedSubnets }),
  };
}

function parseLimit(json: JsonObject, limits: JsonObject, name: string): Limit | undefined {
  const rate = numberAt(limits, `${name}Rate`) ?? 0;
  const burst = numberAt(limits, `${name}Burst`) ?? 0;
  if (rate === 0 && burst === 0) return undefined;
  if (burst === 0) throw configError(`${name}Burst`, "given together with a rate", burst);
  if (rate === 0) throw configError(`${name}Rate`, "given together with a burst", rate);
  if (rate < 8) throw configError(`${name}Rate`, "at least 8 bits per second", rate);
  return {
    name,
    rate: Math.floor(rate / 8),
    burst: Math.floor(burst / 8),
    latency: numberAt(json, "latency") ?? 25,
    isExact: textAt(json, "burst") === "exact",
  };
}

/** The bucket for a link: refuses a burst that a full packet does not fit into. */
export function bucketFor(limit: Limit, mtu: number): Bucket {
  const { name, rate, isExact } = limit;
  const packet = mtu + ETHERNET_HEADER;
  const isAbsurd = !isExact && limit.burst > (rate * ABSURD_BURST) / 1000;
  const sane = Math.max(Math.floor((rate * SANE_BURST) / 1000), SANE_PACKETS * packet);
  const burst = isAbsurd ? Math.min(sane, limit.burst) : limit.burst;
  if (burst > LARGEST) {
    throw configError(`${name}Burst`, "less than 4 GB", limit.burst * 8);
  }
  if (burst < packet) {
    const expected = `at least ${packet * 8} bits, a packet of the link's MTU ${mtu}`;
    throw configError(`${name}Burst`, expected, limit.burst * 8);
  }
  const waiting = Math.floor((rate * limit.latency) / 1000);
  return { rate, burst, limit: Math.min(waiting + burst, LARGEST) };
}

function parseScope(json: JsonObject): Scope | undefined {
  const exceptions = parseSubnets(json, "unshapedSubnets");
  const shaped = parseSubnets(json, "shapedSubnets");
  if (exceptions.length > 0 && shaped.length > 0) {
    throw configError("shapedSubnets", "absent next to unshapedSubnets", json.shapedSubnets);
  }
  if (shaped.length > 0) return { subnets: shaped, isShaped: true };
  return exceptions.length > 0 ? { subnets: exceptions, isShaped: false } : undefined;
}

function parseSubnets(json: JsonObject, key: string): Cidr[] {
  return listAt(json, key).map((text, i) => {
    const subnet = typeof text === "string" ? parseCidr(text) : undefined;
    if (!subnet) throw configError(`${key}[${i}]`, "a subnet like 10.0.0.0/8", text);
    return subnet;
  });
}
