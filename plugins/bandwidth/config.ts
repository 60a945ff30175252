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
  /** In words, what of a runtime's numbers could not be used as it is. */
  readonly changes: readonly string[];
}

const LIMIT_KEYS = ["ingressRate", "ingressBurst", "egressRate", "egressBurst"];

/** How long the burst that replaces an absurd one lasts, and from when on one is absurd: ms. */
const SANE_BURST = 100;
const ABSURD_BURST = 1000;
/** A burst is never less than so many packets if it is ours to choose. */
const SANE_PACKETS = 10;
/** What a packet has before what the MTU counts: the kernel lets a VLAN header pass beyond it. */
const ETHERNET_HEADER = 14;
const VLAN_HEADER = 4;
const LARGEST = 2 ** 32 - 1;
/** Bits per second that make a byte. */
const LEAST_RATE = 8;

/** The configuration: limits of the configuration itself come before those of the runtime. */
export function parseBandwidthConfig(json: JsonObject, strict: boolean): BandwidthConfig {
  const isStatic = LIMIT_KEYS.some((key) => json[key] !== undefined);
  const ofRuntime = valueAt(json, "runtimeConfig", "bandwidth");
  const isOfRuntime = !isStatic && isObject(ofRuntime);
  const limit = (name: string) =>
    parseLimit(json, isOfRuntime ? mended(json, ofRuntime, name) : numbersIn(json, name));
  if (!strict) return { ingress: undefined, egress: undefined, scope: undefined };
  return {
    ingress: limit("ingress"),
    egress: limit("egress"),
    scope: parseScope(isObject(ofRuntime) ? { ...json, ...subnetsOf(ofRuntime) } : json),
  };
}

function subnetsOf({ unshapedSubnets, shapedSubnets }: JsonObject): JsonObject {
  return {
    ...(unshapedSubnets === undefined ? {} : { unshapedSubnets }),
    ...(shapedSubnets === undefined ? {} : { shapedSubnets }),
  };
}

/** A rate and a burst in bits, 0 if not given. */
interface Numbers {
  readonly name: string;
  readonly rate: number;
  readonly burst: number;
  readonly changes: readonly string[];
}

function numbersIn(limits: JsonObject, name: string): Numbers {
  const rate = numberAt(limits, `${name}Rate`) ?? 0;
  return { name, rate, burst: numberAt(limits, `${name}Burst`) ?? 0, changes: [] };
}

/** A container cannot help what its runtime says: what still limits is used instead, and told. */
function mended(json: JsonObject, limits: JsonObject, name: string): Numbers {
  const { rate, burst } = numbersIn(limits, name);
  const usableRate = rate > 0 ? Math.max(rate, LEAST_RATE) : rate;
  const sane = burst === 0 ? Math.ceil((usableRate * SANE_BURST) / 1000) : burst;
  const usableBurst = isExactIn(json) ? Math.min(sane, LARGEST * 8) : sane;
  const changes = [
    ...(rate === usableRate ? [] : [`${name}Rate of ${rate} is raised to ${usableRate} bits`]),
    ...(burst === usableBurst ? [] : [`${name}Burst of ${burst} is made ${usableBurst} bits`]),
  ];
  return { name, rate: usableRate, burst: usableBurst, changes };
}

function isExactIn(json: JsonObject): boolean {
  return textAt(json, "burst") === "exact";
}

function parseLimit(json: JsonObject, numbers: Numbers): Limit | undefined {
  const { name, rate, burst, changes } = numbers;
  if (rate === 0 && burst === 0) return undefined;
  if (burst === 0) throw configError(`${name}Burst`, "given together with a rate", burst);
  if (rate === 0) throw configError(`${name}Rate`, "given together with a burst", rate);
  if (rate < LEAST_RATE) throw configError(`${name}Rate`, "at least 8 bits per second", rate);
  return {
    name,
    rate: Math.floor(rate / 8),
    burst: Math.floor(burst / 8),
    latency: numberAt(json, "latency") ?? 25,
    isExact: isExactIn(json),
    changes,
  };
}

/** A bucket for a link, and in words what is not as it was asked for. */
export interface Fitted {
  readonly bucket: Bucket;
  readonly changes: readonly string[];
}

/**
 * The bucket for a link. A burst that a full packet does not fit into is raised to the least that
 * it does: such a bucket would pass nothing, and still the rate is what limits.
 */
export function bucketFor(limit: Limit, mtu: number): Fitted {
  const { name, rate, isExact } = limit;
  const frame = mtu + ETHERNET_HEADER;
  const packet = frame + VLAN_HEADER;
  const isAbsurd = !isExact && limit.burst > (rate * ABSURD_BURST) / 1000;
  const sane = Math.max(Math.floor((rate * SANE_BURST) / 1000), SANE_PACKETS * frame);
  const asked = isAbsurd ? Math.min(sane, limit.burst) : limit.burst;
  if (asked > LARGEST) throw configError(`${name}Burst`, "less than 4 GB", limit.burst * 8);
  const burst = Math.max(asked, packet);
  const size = `${packet * 8} bits, a packet of the link's MTU ${mtu}`;
  const raised = `${name}Burst of ${limit.burst * 8} is raised to ${size}`;
  const waiting = Math.floor((rate * limit.latency) / 1000);
  return {
    bucket: { rate, burst, limit: Math.min(waiting + burst, LARGEST) },
    changes: burst === asked ? limit.changes : [...limit.changes, raised],
  };
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
