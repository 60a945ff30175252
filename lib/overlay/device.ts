/** A vxlan device: the point where a host's packets for other hosts are wrapped and unwrapped. */

import { EADDRINUSE, EEXIST, ENODEV } from "../host/errno.ts";
import { lazily } from "../host/lazy.ts";
import { equalAddresses, family, formatAddress, type IpAddress } from "../ip/address.ts";
import { formatMac, type Mac } from "../ip/mac.ts";
import { NetError } from "../net/error.ts";
import { deleteLinkIf, deleteLinkIfPresent, type Link, toLink } from "../net/link.ts";
import { onceLoaded } from "../net/make.ts";
import type { Netns } from "../net/netns.ts";
import { heedNoRoutersLater } from "../net/routers.ts";
import { setSysctlIfPresent } from "../net/sysctl.ts";
import { decodeReply } from "../netlink/connection.ts";
import { isRefusal, NetlinkError } from "../netlink/error.ts";
import * as netlink from "../netlink/link.ts";
import type { VxlanAttributes } from "../netlink/link-kinds.ts";
import type { Request } from "../netlink/message.ts";
import { deleteGuard, ensureGuard, type PackedAddresses } from "./guard.ts";
import type { Guarded, Tell } from "./overlay.ts";

/** A device to be. */
export interface VxlanSpec {
  readonly name: string;
  readonly vni: number;
  readonly port: number;
  /** The host's address on the network that carries the packets. */
  readonly local: IpAddress;
  /** Index of the link they leave by; 0 leaves it to the routes. */
  readonly uplink: number;
  readonly mtu: number;
  readonly mac: Mac;
  /** Whether packets on the way have a UDP checksum; undefined leaves it to the kernel. */
  readonly checksum: boolean | undefined;
  /** What the aliases of this owner's devices begin with. */
  readonly owner: string;
  /** The alias of a device that is made or taken over. */
  readonly alias: string;
}

/** A device as it is. */
export interface Vxlan extends Link {
  readonly settings: VxlanAttributes;
}

/** The vxlan device of a name; undefined if there is none, NetError if it is something else. */
export function findVxlan(ns: Netns, name: string): Vxlan | undefined {
  const [outcome] = ns.route.attempt(netlink.getLink(name));
  if (outcome?.error) {
    if (isRefusal(outcome.error, ENODEV)) return undefined;
    throw outcome.error;
  }
  const message = decodeReply(outcome, netlink.wholeLinkMessage);
  const own = message.attributes.linkInfo?.own;
  if (own?.kind !== "vxlan") throw taken(name, `it is no vxlan device but "${own?.kind ?? ""}"`);
  return { ...toLink(message), settings: (own.data ?? {}) as VxlanAttributes };
}

/** Whom a device is to hear, and who is told what was done to one that was there. */
interface Making {
  readonly guarded: Guarded;
  readonly tell: Tell;
}

/** What became of a device. */
export interface Ensured {
  readonly device: Vxlan;
  /** True if it was made, with nothing on it. */
  readonly isNew: boolean;
  /** Whom it hears although they are no peers any more: to be shut out once nothing leads to them. */
  readonly stale: PackedAddresses;
}

/**
 * The device as wanted, and up; its guard is there before it hears anybody. What cannot be changed
 * of one of ours makes it anew. One that has no alias is taken over as it is if it could be ours by
 * all that cannot be changed, and so is what leads to others by it; any other is refused.
 */
export function ensureVxlan(ns: Netns, spec: VxlanSpec, { guarded, tell }: Making): Ensured {
  const found = findVxlan(ns, spec.name);
  if (found) requireOurs(found, spec);
  const kept = found && fixedFault(found, spec) === undefined ? found : undefined;
  const stale = kept ? ensureGuard(ns, guarded, tell) : replace(ns, found, { spec, guarded });
  if (kept && isAsWanted(kept, spec)) return { device: kept, isNew: false, stale };
  if (kept) mend(ns, kept, { spec, tell });
  const device = findVxlan(ns, spec.name);
  if (!device) throw taken(spec.name, "it vanished while it was being made");
  return { device, isNew: !kept, stale };
}

/** True if a device without an alias can be taken over: flannel's are such. */
export function canTakeOver(device: Vxlan, spec: Fixed): boolean {
  return device.alias === "" && fixedFault(device, spec) === undefined;
}

/** Gives a device an alias, unless it has it; the device as it is then. */
export function ensureAlias(ns: Netns, device: Vxlan, alias: string): Vxlan {
  if (device.alias === alias) return device;
  const change = { attributes: { alias } };
  ns.route.perform(netlink.changeLink(`name the owner of "${device.name}"`, device.index, change));
  return { ...device, alias };
}

/* ---- comparing ---- */

function taken(name: string, state: string): NetError {
  return new NetError("conflict", `Cannot use link "${name}": ${state}`);
}

function requireOurs(device: Vxlan, spec: VxlanSpec): void {
  if (device.alias.startsWith(spec.owner)) return;
  if (device.alias !== "") {
    throw taken(spec.name, `it belongs to somebody else (alias "${device.alias}")`);
  }
  const fault = fixedFault(device, spec);
  if (fault !== undefined) throw taken(spec.name, `it belongs to somebody else, ${fault}`);
}

/** What of a device is fixed once it is made. */
type Fixed = Pick<VxlanSpec, "vni" | "port" | "uplink" | "local">;

/** What of a device cannot be made right, in words. */
function fixedFault({ settings }: Vxlan, wanted: Fixed): string | undefined {
  const { vni, port, uplink, local } = wanted;
  const own = settings.local ?? settings.local6;
  const shown = own ? formatAddress(own) : "none";
  const isLocal = own !== undefined && equalAddresses(own, local);
  if (settings.id !== vni) return `its VNI is ${settings.id}, not ${vni}`;
  if (settings.port !== port) return `its UDP port is ${settings.port}, not ${port}`;
  if (!isLocal) return `its local address is ${shown}, not ${formatAddress(local)}`;
  if ((settings.uplink ?? 0) === uplink) return undefined;
  return `its packets leave by link ${settings.uplink ?? 0}, not ${uplink}`;
}

function hasMac(device: Vxlan, { mac }: VxlanSpec): boolean {
  return device.mac.every((byte, i) => byte === mac[i]);
}

/** True if nothing is to be changed of a device whose fixed part is right. */
function isAsWanted(device: Vxlan, spec: VxlanSpec): boolean {
  const isRight = device.isUp && device.mtu === spec.mtu && device.alias !== "";
  const heedsRouters = (device.acceptRa ?? 0) !== 0;
  return isRight && device.settings.learning === 0 && !heedsRouters && hasMac(device, spec);
}

/* ---- changing ---- */

/** What is wanted of a device that was there, and who hears what is done to it. */
interface Mending {
  readonly spec: VxlanSpec;
  readonly tell: Tell;
}

/** Only what differs is set: the kernel forgets neighbours with a MAC, be it the same again. */
function mend(ns: Netns, device: Vxlan, { spec, tell }: Mending): void {
  const isTakenOver = device.alias === "";
  const quiet = { own: { kind: "vxlan", data: { learning: 0 } } } as const;
  const changes = {
    ...(hasMac(device, spec) ? {} : { address: spec.mac }),
    ...(device.mtu === spec.mtu ? {} : { mtu: spec.mtu }),
    ...(isTakenOver ? { alias: spec.alias } : {}),
    ...(device.settings.learning === 0 ? {} : { linkInfo: quiet }),
  };
  bringUp(ns, spec, changes);
  const mac = formatMac(spec.mac);
  if (isTakenOver) tell?.(`take over vxlan device "${spec.name}" with MAC ${mac}`);
  if ("address" in changes) tell?.(`set MAC of "${spec.name}" to ${mac}`);
  if ("mtu" in changes) tell?.(`set MTU of "${spec.name}" to ${spec.mtu}`);
  if ("linkInfo" in changes) tell?.(`end learning of "${spec.name}"`);
  if (!device.isUp) tell?.(`set "${spec.name}" up`);
}

/** How a device takes the place of another. */
interface Replacing {
  readonly spec: VxlanSpec;
  readonly guarded: Guarded;
}

/** A device that cannot be used does not stay. Returns what `ensureGuard` does. */
function replace(
  ns: Netns,
  former: Vxlan | undefined,
  { spec, guarded }: Replacing,
): PackedAddresses {
  if (former) deleteLinkIfPresent(ns, former);
  makeVxlan(ns, spec);
  try {
    const stale = ensureGuard(ns, guarded, undefined);
    const { mac: address, mtu, alias } = spec;
    bringUp(ns, spec, { address, mtu, alias });
    return stale;
  } catch (cause) {
    const own = ["", spec.alias];
    deleteLinkIf(ns, spec.name, ({ kind, alias }) => kind === "vxlan" && own.includes(alias));
    deleteGuard(ns, spec.name);
    throw cause;
  }
}

function makeVxlan(ns: Netns, spec: VxlanSpec): void {
  const { name, local } = spec;
  const data = {
    id: spec.vni,
    ...(spec.uplink > 0 ? { uplink: spec.uplink } : {}),
    ...(family(local) === 4 ? { local } : { local6: local }),
    learning: 0,
    port: spec.port,
    ...checksumOf(spec),
  };
  const own = { kind: "vxlan" as const, data };
  const what = `create vxlan device "${name}"`;
  const link = { name, address: spec.mac, mtu: spec.mtu, linkInfo: { own } };
  const request: Request = {
    ...netlink.newLink(what, link),
    explain: (refusal) => (isRefusal(refusal, EEXIST) ? notUnique(spec, refusal) : refusal),
  };
  onceLoaded(ns, "vxlan", () => ns.route.perform(request));
}

function notUnique({ name, vni, port }: VxlanSpec, { kernelText }: NetlinkError): NetError {
  const state = `another device has VNI ${vni} on port ${port}, or the name`;
  return taken(name, `${state} (${kernelText || "it exists"})`);
}

/** The attribute for IPv4 says that there is one, that for IPv6 that there is none. */
function checksumOf({ local, checksum }: VxlanSpec) {
  if (checksum === undefined) return {};
  return family(local) === 4 ? { checksum: +checksum } : { noChecksum6: +!checksum };
}

/** What the kernel would do of its own accord is switched off before the device is up. */
function bringUp(ns: Netns, { name, port }: VxlanSpec, attributes: netlink.LinkAttributes): void {
  heedNoRoutersLater(ns, name);
  setSysctlIfPresent(ns, `ipv6/conf/${name}/addr_gen_mode`, "1");
  const what = `set up "${name}"`;
  ns.route.perform(netlink.changeLink(what, name, { attributes }), {
    ...netlink.changeLink(what, name, { set: netlink.IFF_UP }),
    explain: (refusal) => (isRefusal(refusal, EADDRINUSE) ? portTaken(name, port) : refusal),
  });
}

/** Any user may take a port above 1023: whoever starts first has it. */
function portTaken(name: string, port: number): NetlinkError {
  const { holderOfUdpPort } = lazily<typeof import("../host/udp-holder.lazy.ts")>("udp-holder");
  const holder = holderOfUdpPort(port) ?? "something else";
  const advice = "end it, and start the overlay's daemon before users and their programs";
  return new NetlinkError(
    `use UDP port ${port} for "${name}", ${holder} has it (${advice})`,
    EADDRINUSE,
  );
}
