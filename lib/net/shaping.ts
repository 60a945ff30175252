/**
 * Shaping: a link sends no faster than a token bucket lets it, and what it receives takes the way
 * through a device of its own (ifb), whose output is shaped likewise.
 *
 *   to the container     host's end of the veth pair: root tbf
 *   from the container   host's end: ingress, filter ──▶ ifb: root tbf ──▶ as if received
 *
 * With exceptions the token bucket is the leaf of a class, and filters choose the class.
 */

import { EADDRNOTAVAIL, EEXIST, EINVAL, ENOENT, EOPNOTSUPP } from "../host/errno.ts";
import { family } from "../ip/address.ts";
import type { Cidr } from "../ip/cidr.ts";
import { networkOf } from "../ip/cidr.ts";
import type { Mac } from "../ip/mac.ts";
import { decodeReply, type Outcome } from "../netlink/connection.ts";
import { isRefusal, type NetlinkError } from "../netlink/error.ts";
import {
  anyPacket,
  delFilters,
  type FilterSpec,
  filterMessage,
  listFilters,
  newFilter,
  redirectOf,
  TC_H_INPUT,
} from "../netlink/filter.ts";
import { ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 } from "../netlink/if-ether.ts";
import { changeLink, getLink, IFF_UP, linkStateMessage, newLink } from "../netlink/link.ts";
import type { Request } from "../netlink/message.ts";
import {
  type Bucket,
  bucketTicks,
  classfulQdisc,
  delQdisc,
  getQdisc,
  isBucketsBuffer,
  newClass,
  openClass,
  qdiscMessage,
  replaceQdisc,
  TC_H_INGRESS,
  TC_H_ROOT,
  tokenBucket,
} from "../netlink/qdisc.ts";
import { type LinkRef, type LinkState, toLinkState } from "./link.ts";
import { onceLoaded } from "./make.ts";
import type { Netns } from "./netns.ts";

export type { Bucket } from "../netlink/qdisc.ts";

/** Whose packets are shaped, by the address of the other side: all but some, or only some. */
export interface Scope {
  readonly subnets: readonly Cidr[];
  /** True if the subnets are those that are shaped, false if they are the exceptions. */
  readonly isShaped: boolean;
}

/** What a link is to be: its bucket, for whom, and on which side of a packet the other side is. */
export interface Shape {
  readonly bucket: Bucket;
  readonly scope: Scope | undefined;
  readonly remote: "source" | "destination";
}

const ROOT = 0x00010000;
const INGRESS = 0xffff0000;
/** Classes of a root with exceptions, and the bucket below the one that shapes. */
const OPEN = 0x00010001;
const SHAPED = 0x00010030;
const LEAF = 0x00300000;
/** The order in which filters are asked: those of subnets, by family, and the one for all. */
const PRIORITY = { v4: 1, v6: 2, all: 3 };

/** Shapes what a link sends. What shaped it before is replaced. */
export function shapeOutput(ns: Netns, link: LinkRef, shape: Shape): void {
  const { bucket, scope } = shape;
  if (!scope) {
    ns.route.perform(replaceQdisc(link, { parent: TC_H_ROOT, handle: ROOT }, tokenBucket(bucket)));
    return;
  }
  const [chosen, other] = scope.isShaped ? [SHAPED, OPEN] : [OPEN, SHAPED];
  clearOutput(ns, link);
  ns.route.perform(
    replaceQdisc(link, { parent: TC_H_ROOT, handle: ROOT }, classfulQdisc(other & 0xffff)),
    newClass(link, { parent: ROOT, handle: OPEN }, openClass()),
    newClass(link, { parent: ROOT, handle: SHAPED }, openClass()),
    replaceQdisc(link, { parent: SHAPED, handle: LEAF }, tokenBucket(bucket)),
    ...subnetFilters(ROOT, shape).map((spec) => newFilter(link, spec, { classId: chosen })),
  );
}

/** Fair queueing among flows inside a bucket, if the kernel has it; false if it does not. */
export function queueFairly(ns: Netns, link: LinkRef, { scope }: Shape): boolean {
  const parent = (scope ? LEAF : ROOT) + 1;
  const [outcome] = ns.route.attempt(replaceQdisc(link, { parent }, { kind: "fq_codel" }));
  if (outcome?.error && !isRefusal(outcome.error, ENOENT)) throw outcome.error;
  return !outcome?.error;
}

/** Lets a link send as fast as it can again. */
export function clearOutput(ns: Netns, link: LinkRef): void {
  const [outcome] = ns.route.attempt(delQdisc(link, { parent: TC_H_ROOT }));
  throwUnless(outcome, ENOENT, EINVAL);
}

function throwUnless(outcome: Outcome | undefined, ...expected: readonly number[]): void {
  if (outcome?.error && !isRefusal(outcome.error, ...expected)) throw outcome.error;
}

function subnetFilters(parent: number, { scope, remote }: Shape): FilterSpec[] {
  return (scope?.subnets ?? []).map((subnet) => {
    const isIpv4 = family(subnet.address) === 4;
    const offset = { source: isIpv4 ? 12 : 8, destination: isIpv4 ? 16 : 24 }[remote];
    return {
      parent,
      priority: isIpv4 ? PRIORITY.v4 : PRIORITY.v6,
      protocol: isIpv4 ? ETH_P_IP : ETH_P_IPV6,
      keys: prefixKeys(subnet, offset),
    };
  });
}

/** The 32-bit words of a prefix; at least one, so that a prefix of length 0 matches all. */
function prefixKeys(subnet: Cidr, offset: number) {
  const { address } = networkOf(subnet);
  const words = Math.max(1, Math.ceil(subnet.prefixLength / 32));
  const view = new DataView(address.buffer, address.byteOffset);
  return Array.from({ length: words }, (_, i) => {
    const bits = Math.min(32, Math.max(0, subnet.prefixLength - 32 * i));
    const mask = bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0;
    return { mask, value: (view.getUint32(4 * i) & mask) >>> 0, offset: offset + 4 * i };
  });
}

/** An ifb to be. */
export interface ShaperSpec {
  readonly name: string;
  readonly mtu: number;
  readonly alias: string;
}

/** Makes the device that shapes what another link receives; up, with no queue of its own. */
export function addShaper(ns: Netns, { name, mtu, alias }: ShaperSpec): LinkState {
  const what = `create ifb "${name}"`;
  const requests = [
    newLink(what, { name, mtu, queueLength: 0, linkInfo: { own: { kind: "ifb" } } }),
    changeLink(`name the owner of "${name}"`, name, { set: IFF_UP, attributes: { alias } }),
    getLink(name),
  ];
  const outcomes = onceLoaded(ns, "ifb", () => ns.route.perform(...requests));
  return toLinkState(decodeReply(outcomes[2], linkStateMessage));
}

/** Sends what a link receives through an ifb; what redirected it before is replaced. */
export function shapeInput(
  ns: Netns,
  link: LinkRef,
  { shaper, shape }: { readonly shaper: LinkRef; readonly shape: Shape },
): void {
  const redirect = { redirect: shaper.index };
  const all = { parent: TC_H_INPUT, priority: PRIORITY.all, protocol: ETH_P_ALL, keys: anyPacket };
  const subnets = subnetFilters(TC_H_INPUT, shape);
  const isShaped = shape.scope?.isShaped === true;
  const hook = clearInput(ns, link);
  ns.route.perform(
    ...(hook === undefined ? [makeInput(link)] : []),
    ...subnets.map((spec) => newFilter(link, spec, isShaped ? redirect : { classId: OPEN })),
    ...(isShaped ? [] : [newFilter(link, all, redirect)]),
  );
}

function makeInput(link: LinkRef): Request {
  return replaceQdisc(link, { parent: TC_H_INGRESS, handle: INGRESS }, { kind: "ingress" });
}

/**
 * Lets a link receive directly again. A qdisc `clsact` is somebody else's: only our filters go.
 * Returns the kind of the input's qdisc that stays, if one does.
 */
export function clearInput(ns: Netns, link: LinkRef): string | undefined {
  const kind = qdiscAt(ns, link, TC_H_INGRESS)?.kind;
  if (kind === "ingress") {
    throwUnless(ns.route.attempt(delQdisc(link, { parent: TC_H_INGRESS }))[0], ENOENT, EINVAL);
    return undefined;
  }
  if (kind === undefined) return undefined;
  const specs = [
    { priority: PRIORITY.v4, protocol: ETH_P_IP },
    { priority: PRIORITY.v6, protocol: ETH_P_IPV6 },
    { priority: PRIORITY.all, protocol: ETH_P_ALL },
  ].map((spec) => ({ ...spec, parent: TC_H_INPUT }));
  const outcomes = ns.route.attempt(...specs.map((spec) => delFilters(link, spec)));
  for (const outcome of outcomes) throwUnless(outcome, ENOENT, EINVAL, EEXIST);
  return kind;
}

/** A kernel without a qdisc in the place sends no answer, or refuses. */
function qdiscAt(ns: Netns, link: LinkRef, parent: number) {
  const [outcome] = ns.route.attempt(getQdisc(link, parent));
  throwUnless(outcome, ENOENT, EINVAL);
  const isThere = outcome !== undefined && outcome.bodies.length > 0;
  return isThere ? decodeReply(outcome, qdiscMessage).attributes : undefined;
}

/** What is wrong with a link's output, in words; undefined if it is shaped so. */
export function findOutputFault(ns: Netns, link: LinkRef, shape: Shape): string | undefined {
  const parent = shape.scope ? SHAPED : TC_H_ROOT;
  const found = qdiscAt(ns, link, parent);
  if (found?.kind !== "tbf") {
    return `"${link.name}" has ${found?.kind ?? "no"} qdisc where a tbf was expected`;
  }
  const { parameters, rate64 } = found.data ?? {};
  const rate = rate64 ?? parameters?.rate?.rate;
  const { bucket } = shape;
  if (rate !== bucket.rate) return differs(link, "rate", { expected: bucket.rate, found: rate });
  if (parameters?.limit !== bucket.limit) {
    return differs(link, "limit", { expected: bucket.limit, found: parameters?.limit });
  }
  const buffer = parameters.buffer ?? 0;
  if (isBucketsBuffer(bucket, buffer)) return undefined;
  const expected = `${bucketTicks(bucket)} ticks`;
  return differs(link, "burst", { expected, found: buffer });
}

function differs(
  link: LinkRef,
  what: string,
  { expected, found }: { readonly expected: unknown; readonly found: unknown },
): string {
  return `the ${what} of "${link.name}" is ${String(found)}, expected ${String(expected)}`;
}

/** What is wrong with a link's input, in words; undefined if it goes to the ifb. */
export function findInputFault(ns: Netns, link: LinkRef, shaper: LinkRef): string | undefined {
  if (qdiscAt(ns, link, TC_H_INGRESS) === undefined) return `"${link.name}" has no ingress qdisc`;
  const filters = ns.route.dump(listFilters(link, TC_H_INPUT), filterMessage);
  const isRedirected = filters.some(({ attributes }) => redirectOf(attributes) === shaper.index);
  return isRedirected ? undefined : `nothing redirects from "${link.name}" to "${shaper.name}"`;
}

const noAddress: Mac = /* @__PURE__ */ new Uint8Array(6);

/**
 * What this kernel lacks for shaping, in words; undefined if nothing. Each question is one that a
 * kernel with the part refuses for another reason than one without: nothing is made.
 */
export function findMissingParts(ns: Netns): string | undefined {
  const lo = { index: 1, name: "lo" };
  const ifb = { name: "weft-probe", address: noAddress, linkInfo: { own: { kind: "ifb" } } };
  const [device, bucket] = ns.route.attempt(
    newLink("probe for ifb", ifb),
    replaceQdisc(lo, { parent: TC_H_ROOT, handle: ROOT }, { kind: "tbf" }),
  );
  const missing = [
    isUnknown(device?.error, EADDRNOTAVAIL, EOPNOTSUPP) ? ["ifb"] : [],
    isUnknown(bucket?.error, EINVAL, ENOENT) ? ["sch_tbf"] : [],
  ].flat();
  return missing.length > 0 ? `this kernel has no ${missing.join(" and no ")}` : undefined;
}

/** True if the kernel says so; throws what says nothing of the kind. */
function isUnknown(error: NetlinkError | undefined, known: number, unknown: number): boolean {
  if (!error || isRefusal(error, known)) return false;
  if (isRefusal(error, unknown)) return true;
  throw error;
}

/** True if a link's output is shaped as `shapeOutput` does it. */
export function isShaped(ns: Netns, link: LinkRef): boolean {
  const kind = qdiscAt(ns, link, TC_H_ROOT)?.kind;
  return kind === "tbf" || kind === "htb";
}
